#include "worker/agent/outbox.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

v1::Completion Make(int64_t token) {
  v1::Completion completion;
  completion.set_assignment("a/1");
  completion.set_token(token);
  completion.set_outcome(v1::OUTCOME_SUCCEEDED);
  completion.set_reason("reason");
  return completion;
}

void Write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class OutboxTest : public ::testing::Test {
 protected:
  std::unique_ptr<Outbox> Open() {
    auto outbox = Outbox::Open(path_);
    EXPECT_TRUE(outbox.ok()) << outbox.status();
    return *std::move(outbox);
  }
  int Files() const { return static_cast<int>(std::distance(fs::directory_iterator(path_), {})); }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "outbox";
};

TEST_F(OutboxTest, CompletionsOutliveTheWorker) {
  ASSERT_TRUE(Open()->Add(Make(7), "").ok());
  const auto outbox = Open();
  ASSERT_EQ(outbox->entries().size(), 1u);
  EXPECT_EQ(outbox->entries().at(7).completion.reason(), "reason");
  EXPECT_EQ(outbox->entries().at(7).checkpoint, "");
}

TEST_F(OutboxTest, ForgetsWhatIsSettled) {
  const auto outbox = Open();
  ASSERT_TRUE(outbox->Add(Make(7), "").ok());
  outbox->Settle(7);
  outbox->Settle(8);
  EXPECT_THAT(outbox->entries(), IsEmpty());
  EXPECT_THAT(Open()->entries(), IsEmpty());
  EXPECT_EQ(Files(), 0);
}

TEST_F(OutboxTest, KeepsACheckpointUntilItIsUploaded) {
  const std::string file = folder_ / "model";
  Write(file, "abc");
  auto outbox = Open();
  ASSERT_TRUE(outbox->Add(Make(7), file).ok());
  EXPECT_FALSE(fs::exists(file));

  outbox = Open();
  const Outbox::Entry entry = outbox->entries().at(7);
  // SHA-256 of "abc", from its standard (FIPS 180-2, B.1).
  EXPECT_EQ(entry.completion.checkpoint(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(fs::exists(entry.checkpoint));
  outbox->Uploaded(7);
  EXPECT_FALSE(fs::exists(entry.checkpoint));
  EXPECT_EQ(Open()->entries().at(7).checkpoint, "");
  EXPECT_EQ(Open()->entries().at(7).completion.checkpoint(), entry.completion.checkpoint());
}

TEST_F(OutboxTest, DropsACheckpointThatNobodyTakes) {
  const std::string file = folder_ / "model";
  Write(file, "abc");
  const auto outbox = Open();
  ASSERT_TRUE(outbox->Add(Make(7), file).ok());
  outbox->DropCheckpoint(7);
  outbox->DropCheckpoint(8);
  EXPECT_EQ(outbox->entries().at(7).checkpoint, "");
  EXPECT_EQ(outbox->entries().at(7).completion.checkpoint(), "");
  EXPECT_EQ(Files(), 1);
}

TEST_F(OutboxTest, RemovesWhatItCannotRead) {
  fs::create_directories(path_);
  Write(path_ + "/5.completion", "\xff\xff not a message");
  Write(path_ + "/6.completion", "");
  Write(path_ + "/7.completion.new", "half");
  Write(path_ + "/8.checkpoint", "of nothing");
  EXPECT_THAT(Open()->entries(), IsEmpty());
  EXPECT_EQ(Files(), 0);
}

TEST_F(OutboxTest, ACheckpointThatIsGoneCostsTheCheckpointAlone) {
  const auto outbox = Open();
  EXPECT_FALSE(outbox->Add(Make(7), "/nowhere/model").ok());
  EXPECT_EQ(outbox->entries().at(7).completion.checkpoint(), "");
  EXPECT_EQ(outbox->entries().at(7).checkpoint, "");
}

TEST_F(OutboxTest, AFolderThatCannotBeUsedIsAnError) {
  Write(path_, "a file");
  EXPECT_FALSE(Outbox::Open(path_).ok());
}

}  // namespace
}  // namespace cambrian
