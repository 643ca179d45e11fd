#include "server/log/log.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename Write>
std::string Logged(const std::string& format, const Write& write) {
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(SetUpLog(format, "info").ok());
  write();
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogTest, ALineSaysWhatItIsAbout) {
  const std::string text = Logged("text", [] {
    const LogFields about("toy-1", 17, 40);
    spdlog::warn("the lease ran out");
  });
  EXPECT_THAT(text, HasSubstr("[warning] the lease ran out"));
  EXPECT_THAT(text, EndsWith(" study=toy-1 trial=17 attempt=40\n"));
}

TEST(LogTest, ALineOfJsonHasFields) {
  const std::string text = Logged("json", [] {
    const LogFields about("toy-1", 17, 40);
    spdlog::info("a \"quote\"\nand a break");
  });
  const nlohmann::json line = nlohmann::json::parse(text);
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["message"], "a \"quote\"\nand a break");
  EXPECT_EQ(line["study"], "toy-1");
  EXPECT_EQ(line["trial"], 17);
  EXPECT_EQ(line["attempt"], 40);
  EXPECT_THAT(line["time"].get<std::string>(), EndsWith("Z"));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(LogTest, WhatIsNotUtf8IsStillALineOfJson) {
  const std::string text = Logged("json", [] { spdlog::info("\xff\xfe"); });
  EXPECT_TRUE(nlohmann::json::accept(text)) << text;
}

TEST(LogTest, FieldsEndWithTheirScopeAndStayOnTheirThread) {
  const LogFields study("toy-1");
  {
    const LogFields trial("", 3, 5);
    EXPECT_EQ(LogFields::Current().study, "toy-1");
    EXPECT_EQ(LogFields::Current().trial, 3);
    std::thread([] { EXPECT_EQ(LogFields::Current().study, ""); }).join();
  }
  EXPECT_EQ(LogFields::Current().study, "toy-1");
  EXPECT_EQ(LogFields::Current().trial, 0);
  EXPECT_EQ(LogFields::Current().attempt, 0);
}

TEST(LogTest, LevelsAndFormatsAreChecked) {
  EXPECT_TRUE(absl::IsInvalidArgument(SetUpLog("xml", "info")));
  EXPECT_TRUE(absl::IsInvalidArgument(SetUpLog("text", "loud")));
  EXPECT_THAT(Logged("text", [] { spdlog::debug("quiet"); }), Not(HasSubstr("quiet")));
}

}  // namespace
}  // namespace cambrian
