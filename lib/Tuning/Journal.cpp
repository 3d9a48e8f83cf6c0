//===- Journal.cpp - What a run has done, on disk -------------------------===//
//
// Part of AccOpt. SQLite with a rollback journal and synchronous=FULL: a record
// is on the disk when record() returns, and a process killed at any moment
// leaves either all of it or nothing. The file stays locked while it is open.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/Journal.h"

#include "Sqlite.h"

#include "accopt/Support/Diagnostics.h"

using namespace llvm;

namespace accopt {
namespace {

/// "AccJ": tells our databases from others.
constexpr int64_t kApplicationId = 0x4163634a;
constexpr int64_t kSchemaVersion = 1;

constexpr const char *kSchema = R"sql(
CREATE TABLE fingerprint (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE records (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL);
CREATE TABLE metrics (
  id INTEGER PRIMARY KEY, record INTEGER NOT NULL REFERENCES records,
  step TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, value REAL);
)sql";

using Fingerprint = std::vector<std::pair<std::string, std::string>>;
} // namespace

struct Journal::Impl {
  sqlite::Database database;

  Error prepare(const Fingerprint &fingerprint, bool resume);
  /// Whether the database holds nothing yet.
  Expected<bool> isEmpty();
  Error create(const Fingerprint &fingerprint);
  Error check(const Fingerprint &fingerprint);
  Error failure(const Twine &message) {
    return makeFileError(database.path(), message);
  }
};

Expected<bool> Journal::Impl::isEmpty() {
  Expected<int64_t> objects =
      database.integer("SELECT count(*) FROM sqlite_schema");
  if (!objects)
    return objects.takeError();
  return *objects == 0;
}

Error Journal::Impl::create(const Fingerprint &fingerprint) {
  std::string pragmas =
      "PRAGMA application_id = " + std::to_string(kApplicationId) +
      "; PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";";
  if (Error error = database.run(pragmas + kSchema))
    return error;
  Expected<sqlite::Statement> insert =
      database.prepare("INSERT INTO fingerprint VALUES (?, ?)");
  if (!insert)
    return insert.takeError();
  for (const auto &[name, value] : fingerprint)
    if (Error error = insert->bindText(1, name).bindText(2, value).finish())
      return error;
  return Error::success();
}

/// `value` as it can stand in a line: what a person can compare.
static std::string shortened(StringRef value) {
  return value.size() <= 60 ? value.str() : value.take_front(57).str() + "...";
}

Error Journal::Impl::check(const Fingerprint &fingerprint) {
  Expected<int64_t> application = database.integer("PRAGMA application_id");
  if (!application)
    return application.takeError();
  if (*application != kApplicationId)
    return failure("is an SQLite database, but no journal of acc-tune");
  Expected<int64_t> version = database.integer("PRAGMA user_version");
  if (!version)
    return version.takeError();
  if (*version != kSchemaVersion)
    return failure("expected a journal of version " + Twine(kSchemaVersion) +
                   ", got " + Twine(*version) +
                   "; go on with the acc-tune that made it");
  Expected<std::string> health = database.text("PRAGMA quick_check(1)");
  if (!health)
    return health.takeError();
  if (*health != "ok")
    // After a heading, one problem a line.
    return failure("is damaged (" + StringRef(*health).split('\n').second +
                   "); remove it and start the run again");
  Expected<sqlite::Statement> find =
      database.prepare("SELECT value FROM fingerprint WHERE name = ?");
  if (!find)
    return find.takeError();
  for (const auto &[name, value] : fingerprint) {
    Expected<bool> row = find->bindText(1, name).step();
    if (!row)
      return row.takeError();
    std::string recorded = *row ? find->column(0).str() : "nothing";
    find->reset();
    if (recorded != value)
      return failure("is the journal of another run: " + name + " was '" +
                     shortened(recorded) + "' and is '" + shortened(value) +
                     "' now; use another output folder, or the old " + name);
  }
  Expected<int64_t> count =
      database.integer("SELECT count(*) FROM fingerprint");
  if (!count)
    return count.takeError();
  if (size_t(*count) != fingerprint.size())
    return failure("is the journal of another run: it tells runs apart by " +
                   Twine(*count) + " properties, this run has " +
                   Twine(fingerprint.size()) + "; use another output folder");
  return Error::success();
}

Error Journal::Impl::prepare(const Fingerprint &fingerprint, bool resume) {
  // The lock is taken by the first transaction and kept until the file closes.
  if (Error error = database.run("PRAGMA locking_mode = EXCLUSIVE;"
                                 "PRAGMA journal_mode = TRUNCATE;"
                                 "PRAGMA synchronous = FULL;"))
    return error;
  return database.transaction([&]() -> Error {
    Expected<bool> empty = isEmpty();
    if (!empty)
      return empty.takeError();
    // A run that was killed before its first transaction left an empty file.
    if (*empty)
      return create(fingerprint);
    if (!resume)
      return failure("holds an earlier run; give --resume to go on with it, or "
                     "remove it to start again");
    return check(fingerprint);
  });
}

Journal::Journal(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Journal::~Journal() = default;

Expected<std::unique_ptr<Journal>>
Journal::open(StringRef path, const Fingerprint &fingerprint, bool resume) {
  Expected<sqlite::Database> database = sqlite::Database::open(path);
  if (!database)
    return database.takeError();
  auto impl = std::make_unique<Impl>(Impl{std::move(*database)});
  if (Error error = impl->prepare(fingerprint, resume))
    return std::move(error);
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

Expected<std::optional<std::string>> Journal::find(StringRef key) const {
  Expected<sqlite::Statement> select =
      impl->database.prepare("SELECT value FROM records WHERE key = ?");
  if (!select)
    return select.takeError();
  Expected<bool> row = select->bindText(1, key).step();
  if (!row)
    return row.takeError();
  if (!*row)
    return std::nullopt;
  return select->column(0).str();
}

Error Journal::record(StringRef key, StringRef value,
                      const std::vector<Metric> &metrics) {
  sqlite::Database &database = impl->database;
  Expected<std::optional<std::string>> known = find(key);
  if (!known)
    return known.takeError();
  if (*known)
    return impl->failure("'" + key + "' is recorded already");
  return database.transaction([&]() -> Error {
    Expected<sqlite::Statement> insert =
        database.prepare("INSERT INTO records (key, value) VALUES (?, ?)");
    if (!insert)
      return insert.takeError();
    if (Error error = insert->bindText(1, key).bindBlob(2, value).finish())
      return error;
    int64_t record = database.lastRow();
    Expected<sqlite::Statement> point = database.prepare(
        "INSERT INTO metrics (record, step, name, number, value) "
        "VALUES (?, ?, ?, ?, ?)");
    if (!point)
      return point.takeError();
    for (const Metric &metric : metrics)
      if (Error error = point->bindInteger(1, record)
                            .bindText(2, metric.step)
                            .bindText(3, metric.name)
                            .bindInteger(4, metric.index)
                            .bindReal(5, metric.value)
                            .finish())
        return error;
    return Error::success();
  });
}

Error Journal::forget(StringRef key) {
  sqlite::Database &database = impl->database;
  return database.transaction([&]() -> Error {
    Expected<sqlite::Statement> update =
        database.prepare("UPDATE records SET value = x'' WHERE key = ?");
    if (!update)
      return update.takeError();
    if (Error error = update->bindText(1, key).finish())
      return error;
    return database.changes() ? Error::success()
                              : impl->failure("'" + key +
                                              "' is forgotten before it is "
                                              "recorded");
  });
}

Expected<std::vector<Metric>> Journal::metrics() const {
  Expected<sqlite::Statement> select = impl->database.prepare(
      "SELECT step, name, number, value FROM metrics ORDER BY id");
  if (!select)
    return select.takeError();
  std::vector<Metric> metrics;
  while (true) {
    Expected<bool> row = select->step();
    if (!row)
      return row.takeError();
    if (!*row)
      return metrics;
    metrics.push_back({select->column(0).str(), select->column(1).str(),
                       select->integer(2), select->real(3)});
  }
}

} // namespace accopt
