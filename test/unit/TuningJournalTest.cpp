//===- TuningJournalTest.cpp - Journals that survive ----------------------===//

#include "accopt/Tuning/Journal.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fcntl.h>
#include <random>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace accopt;
using testing::HasSubstr;

namespace {

const std::vector<std::pair<std::string, std::string>> kRun = {
    {"model", "1234"}, {"options", "--steps=qat"}};

class TuningJournal : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("journal", folder));
    path = (folder + "/run.db").str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::unique_ptr<Journal> open(bool resume) {
    auto journal = Journal::open(path, kRun, resume);
    if (!journal) {
      ADD_FAILURE() << llvm::toString(journal.takeError());
      return nullptr;
    }
    return std::move(*journal);
  }
  std::string
  openError(bool resume,
            std::vector<std::pair<std::string, std::string>> run = kRun) {
    auto journal = Journal::open(path, run, resume);
    if (journal)
      return "no error";
    std::string text = llvm::toString(journal.takeError());
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_THAT(text, HasSubstr(path));
    return text;
  }

  llvm::SmallString<128> folder;
  std::string path;
};

std::string get(const Journal &journal, llvm::StringRef key) {
  auto value = journal.find(key);
  if (!value)
    return "error: " + llvm::toString(value.takeError());
  return value->value_or("absent");
}

void record(Journal &journal, llvm::StringRef key, llvm::StringRef value,
            const std::vector<Metric> &metrics = {}) {
  if (llvm::Error error = journal.record(key, value, metrics))
    FAIL() << llvm::toString(std::move(error));
}

/// What the child of the kill test records under its i-th key.
std::string childValue(size_t i) {
  return std::string(1000 + i * 37 % 20000, char('a' + i % 26));
}

pid_t spawnChild(const std::string &path) {
  pid_t child = fork();
  if (child)
    return child;
  setenv("ACCOPT_JOURNAL", path.c_str(), 1);
  char name[] = "child", filter[] = "--gtest_filter=*DISABLED_RecordsForever",
       also[] = "--gtest_also_run_disabled_tests", quiet[] = "--gtest_brief=1";
  char *arguments[] = {name, filter, also, quiet, nullptr};
  execv("/proc/self/exe", arguments);
  _exit(127);
}
/// What the child makes beside the journal once it has recorded something.
std::string marker(const std::string &path) { return path + ".marker"; }

/// Waits for the child's first record.
void waitForChild(const std::string &path) {
  auto end = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (!llvm::sys::fs::exists(marker(path))) {
    if (std::chrono::steady_clock::now() > end) {
      ADD_FAILURE() << "the child has recorded nothing in two minutes";
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}
} // namespace

TEST_F(TuningJournal, KeepsRecordsAndMetrics) {
  std::string bytes("\0\xff\n binary", 10);
  {
    auto journal = open(false);
    ASSERT_TRUE(journal);
    EXPECT_EQ(get(*journal, "a"), "absent");
    record(*journal, "a", bytes, {{"qat", "loss", 0, 0.1}});
    record(*journal, "empty", "");
    record(*journal, "b", "2",
           {{"qat", "loss", 1, NAN}, {"qat", "accuracy", 1, -INFINITY}});
  }
  auto journal = open(true);
  ASSERT_TRUE(journal);
  EXPECT_EQ(get(*journal, "a"), bytes);
  EXPECT_EQ(get(*journal, "b"), "2");
  EXPECT_EQ(get(*journal, "empty"), "");
  auto metrics = journal->metrics();
  ASSERT_TRUE(bool(metrics));
  ASSERT_EQ(metrics->size(), 3u);
  EXPECT_EQ((*metrics)[0].value, 0.1);
  EXPECT_TRUE(std::isnan((*metrics)[1].value));
  EXPECT_EQ((*metrics)[2].name, "accuracy");
  EXPECT_EQ((*metrics)[2].value, -INFINITY);
}

TEST_F(TuningJournal, ForgetsValuesAndReusesTheirSpace) {
  auto journal = open(false);
  ASSERT_TRUE(journal);
  std::string large(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    record(*journal, std::to_string(i), large, {{"s", "m", i, 1.0 * i}});
    if (i)
      if (llvm::Error error = journal->forget(std::to_string(i - 1)))
        FAIL() << llvm::toString(std::move(error));
  }
  EXPECT_EQ(get(*journal, "3"), "");
  EXPECT_EQ(get(*journal, "19"), large);
  EXPECT_EQ(llvm::cantFail(journal->metrics()).size(), 20u);
  uint64_t size = 0;
  ASSERT_FALSE(llvm::sys::fs::file_size(path, size));
  EXPECT_LT(size, 4u << 20);
  EXPECT_THAT(llvm::toString(journal->forget("none")), HasSubstr("'none'"));
}

TEST_F(TuningJournal, RecordsAKeyOnce) {
  auto journal = open(false);
  ASSERT_TRUE(journal);
  record(*journal, "a", "1", {{"s", "m", 0, 1}});
  EXPECT_THAT(llvm::toString(journal->record("a", "2", {{"s", "m", 1, 1}})),
              HasSubstr("'a' is recorded already"));
  EXPECT_EQ(get(*journal, "a"), "1");
  EXPECT_EQ(llvm::cantFail(journal->metrics()).size(), 1u);
}

TEST_F(TuningJournal, WantsResumeForAnEarlierRun) {
  ASSERT_TRUE(open(false));
  EXPECT_THAT(openError(false), HasSubstr("--resume"));
  EXPECT_TRUE(open(true));
}

TEST_F(TuningJournal, ResumeWithoutAJournalStarts) {
  auto journal = open(true);
  ASSERT_TRUE(journal);
  record(*journal, "a", "1");
}

TEST_F(TuningJournal, NamesWhatDiffers) {
  ASSERT_TRUE(open(false));
  std::string text =
      openError(true, {{"model", "1234"}, {"options", "--steps=prune"}});
  EXPECT_THAT(text, HasSubstr("options was '--steps=qat' and is "
                              "'--steps=prune' now"));
  EXPECT_THAT(openError(true, {{"model", "1234"}}), HasSubstr("another run"));
}

TEST_F(TuningJournal, LocksOutASecondProcess) {
  auto journal = open(false);
  ASSERT_TRUE(journal);
  pid_t child = spawnChild(path);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  // The child exits with 3 where the journal is in use.
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  record(*journal, "still", "mine");
}

TEST_F(TuningJournal, RefusesWhatIsNoJournal) {
  std::error_code code;
  {
    llvm::raw_fd_ostream os(path, code);
    os << std::string(5000, 'n');
  }
  EXPECT_THAT(openError(true), HasSubstr("is no journal"));
  EXPECT_THAT(openError(false), HasSubstr("is no journal"));
  llvm::sys::fs::remove(path);
  sqlite3 *other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  sqlite3_exec(other, "CREATE TABLE t (x)", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_THAT(openError(true), HasSubstr("no journal of acc-tune"));
}

TEST_F(TuningJournal, RefusesAnotherVersion) {
  ASSERT_TRUE(open(false));
  sqlite3 *database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "PRAGMA user_version = 7", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  EXPECT_THAT(openError(true), HasSubstr("version 1, got 7"));
}

TEST_F(TuningJournal, RefusesDamage) {
  {
    auto journal = open(false);
    ASSERT_TRUE(journal);
    for (size_t i = 0; i < 200; ++i)
      record(*journal, std::to_string(i), childValue(i));
  }
  auto buffer = llvm::MemoryBuffer::getFile(path);
  ASSERT_TRUE(bool(buffer));
  std::string good = (*buffer)->getBuffer().str();
  std::string bad = good;
  // Everything but the first pages.
  for (size_t i = 4 * 4096; i < bad.size(); ++i)
    bad[i] = char(i * 31);
  auto write = [&](llvm::StringRef bytes) {
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << bytes;
  };
  write(bad);
  EXPECT_THAT(openError(true), HasSubstr("damaged"));
  write(llvm::StringRef(good).take_front(good.size() / 2));
  EXPECT_THAT(openError(true), HasSubstr("damaged"));
}

TEST_F(TuningJournal, RefusesAMissingFolder) {
  path = (folder + "/none/run.db").str();
  EXPECT_THAT(openError(false), HasSubstr("cannot be opened"));
}

TEST_F(TuningJournal, ReportsAFileThatCannotGrow) {
  auto journal = open(false);
  ASSERT_TRUE(journal);
  record(*journal, "before", "kept", {{"s", "m", 0, 1}});
  // What a full disk does to a write, without a disk of our own to fill.
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit limit = {64 * 1024, old.rlim_max};
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  llvm::Error error =
      journal->record("large", std::string(1 << 20, 'x'), {{"s", "m", 1, 1}});
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  std::string text = llvm::toString(std::move(error));
  EXPECT_THAT(text, HasSubstr(path));
  EXPECT_THAT(text, HasSubstr("--resume"));
  EXPECT_EQ(get(*journal, "large"), "absent");
  EXPECT_EQ(llvm::cantFail(journal->metrics()).size(), 1u);
  record(*journal, "after", "works");
}

TEST_F(TuningJournal, SurvivesKills) {
  unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  constexpr int kRounds = 24;
  size_t recorded = 0;
  for (int round = 0; round < kRounds; ++round) {
    llvm::sys::fs::remove(marker(path));
    pid_t child = spawnChild(path);
    // Half of the kills come while it starts, half while it records.
    if (round % 2)
      waitForChild(path);
    std::this_thread::sleep_for(std::chrono::microseconds(
        std::uniform_int_distribution<int>(0, 100000)(random)));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "round " << round;
    auto journal = open(true);
    ASSERT_TRUE(journal) << "round " << round;
    size_t count = 0;
    while (get(*journal, std::to_string(count)) != "absent") {
      ASSERT_EQ(get(*journal, std::to_string(count)), childValue(count));
      ++count;
    }
    EXPECT_GE(count, recorded + round % 2);
    recorded = count;
    auto metrics = llvm::cantFail(journal->metrics());
    ASSERT_EQ(metrics.size(), 2 * count);
    for (size_t i = 0; i < metrics.size(); ++i)
      ASSERT_EQ(metrics[i].index, int64_t(i / 2));
  }
  EXPECT_GE(recorded, size_t(kRounds / 2));
}

/// Not a test: what the children of the tests above run.
TEST(TuningJournalChild, DISABLED_RecordsForever) {
  const char *path = std::getenv("ACCOPT_JOURNAL");
  if (!path)
    GTEST_SKIP() << "started by the other tests only";
  auto journal = Journal::open(path, kRun, true);
  if (!journal) {
    std::string text = llvm::toString(journal.takeError());
    _exit(llvm::StringRef(text).contains("in use by another process") ? 3 : 4);
  }
  for (size_t i = 0;; ++i) {
    std::string key = std::to_string(i);
    if (get(**journal, key) != "absent")
      continue;
    Metric metric = {"child", "m", int64_t(i), double(i)};
    if (llvm::Error error =
            (*journal)->record(key, childValue(i), {metric, metric}))
      _exit(5);
    int file = ::open(marker(path).c_str(), O_CREAT | O_WRONLY, 0600);
    ::close(file);
  }
}
