#include "client/format/worker_table.h"

#include "absl/strings/str_split.h"
#include "client/format/text.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

v1::WorkerStatus Worker() {
  v1::WorkerStatus worker;
  worker.set_name("rack-7");
  worker.set_host("rack-7.lab.example.org");
  worker.set_version("0.2.0");
  worker.set_slots(4);
  worker.set_usable_slots(4);
  worker.add_evaluators("torch");
  worker.add_devices("cuda:0");
  worker.add_tags("gpu");
  worker.add_tags("a100");
  worker.add_targets("pi4");
  worker.add_running("fashion-1/17");
  *worker.mutable_last_contact() = ToProto(kNow - absl::Seconds(3));
  return worker;
}

TEST(WorkerTableTest, SaysWhatAWorkerIsAndDoes) {
  const std::string text = WorkerTable({Worker()}, kNow).Render(0, false);
  for (const char* word : {"rack-7.lab.example.org", "cuda:0", "gpu, a100", "pi4", "1/4",
                           "fashion-1/17", "0:03 ago", "torch"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

TEST(WorkerTableTest, SlotsThatDoNotWorkAreSaid) {
  v1::WorkerStatus worker = Worker();
  worker.set_usable_slots(3);
  EXPECT_THAT(WorkerTable({worker}, kNow).Render(0, false), HasSubstr("1/4 (3 work)"));
}

TEST(WorkerTableTest, ColumnsGoBeforeLinesWrap) {
  const std::string text = WorkerTable({Worker()}, kNow).Render(40, false);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(DisplayWidth(line), 40);
  }
  EXPECT_THAT(text, HasSubstr("rack-7"));
  EXPECT_THAT(text, HasSubstr("1/4"));
  EXPECT_THAT(text, Not(HasSubstr("torch")));
}

}  // namespace
}  // namespace cambrian
