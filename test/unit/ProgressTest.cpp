//===- ProgressTest.cpp - What a run says of itself -----------------------===//

#include "accopt/Support/Progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace accopt;
using testing::HasSubstr;

namespace {
class ProgressTest : public testing::Test {
protected:
  std::string take() {
    std::string result = std::move(text);
    text.clear();
    return result;
  }
  std::string text;
  llvm::raw_string_ostream os{text};
  double time = 100;
  Progress::Clock clock = [this] { return time; };
};
} // namespace

TEST_F(ProgressTest, RewritesOneLineOfATerminal) {
  Progress progress(os, false, true, clock);
  progress.begin("training", 100);
  time += 1.9;
  progress.update(1);
  EXPECT_EQ(take(), "");
  time += 0.1;
  progress.update(2, "loss 0.5");
  EXPECT_EQ(take(), "\r\033[Ktraining: 2/100, loss 0.5, 1:38 min left");
  time += 0.05;
  progress.update(2.5);
  EXPECT_EQ(take(), "");
  time += 7.95;
  progress.update(10.5);
  EXPECT_EQ(take(), "\r\033[Ktraining: 10/100, loss 0.5, 1:25 min left");
  time += 90;
  progress.update(100);
  EXPECT_EQ(take(), "\r\033[Ktraining: 100/100, loss 0.5");
  progress.end();
  EXPECT_EQ(take(), "\r\033[Ktraining: 100/100, loss 0.5, took 1:40 min\n");
}

TEST_F(ProgressTest, LeavesShortTasksOut) {
  Progress progress(os, false, true, clock);
  progress.begin("short", 2);
  time += 1;
  progress.update(2);
  progress.end();
  EXPECT_EQ(take(), "");
}

TEST_F(ProgressTest, PrintsPlainLinesElsewhere) {
  Progress progress(os, false, false, clock);
  progress.begin("training", 10);
  for (int i = 1; i <= 10; ++i) {
    time += 11;
    progress.update(i);
  }
  progress.end();
  EXPECT_EQ(take(), "training: 3/10, 1:17 min left\n"
                    "training: 6/10, 44 s left\n"
                    "training: 9/10, 11 s left\n"
                    "training: 10/10, took 1:50 min\n");
}

TEST_F(ProgressTest, EstimatesFromWhatThisRunHasDone) {
  Progress progress(os, false, false, clock);
  progress.begin("training", 100, 90);
  time += 40;
  progress.update(92);
  EXPECT_EQ(take(), "training: 92/100, 2:40 min left\n");
  time += 7200;
  progress.update(92);
  EXPECT_THAT(take(), HasSubstr(" h left"));
}

TEST_F(ProgressTest, EndsItsLineWhenATaskFails) {
  {
    Progress progress(os, false, true, clock);
    progress.begin("training", 10);
    time += 5;
    progress.update(1);
    take();
  }
  EXPECT_EQ(take(), "\n");
}

TEST_F(ProgressTest, IsSilentWhenQuiet) {
  for (bool terminal : {false, true}) {
    Progress progress(os, true, terminal, clock);
    progress.begin("training", 10);
    time += 100;
    progress.update(5);
    progress.end();
  }
  EXPECT_EQ(take(), "");
}

TEST_F(ProgressTest, LeavesShortTasksOutOfPlainLinesWhereAsked) {
  Progress progress(os, false, false, clock);
  progress.leaveOutShortTasks();
  progress.begin("short", 2);
  time += 1.9;
  progress.update(2);
  progress.end();
  EXPECT_EQ(take(), "");
  progress.begin("calibration", 16);
  time += 2.5;
  progress.update(0);
  EXPECT_EQ(take(), "calibration: 0/16\n");
  time += 20;
  progress.update(7);
  EXPECT_EQ(take(), "");
  time += 10;
  progress.update(8);
  EXPECT_EQ(take(), "calibration: 8/16, 33 s left\n");
  time += 5;
  progress.update(16);
  progress.end();
  EXPECT_EQ(take(), "calibration: 16/16, took 38 s\n");
}
