#include "client/service/settings.h"

#include <filesystem>
#include <fstream>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() { environment_["XDG_CONFIG_HOME"] = folder_.path(); }

  EnvironmentReader Environment() {
    return [this](const char* name) { return environment_[name]; };
  }
  void WriteConfig(const std::string& text) {
    std::filesystem::create_directories(folder_ / "cambrian");
    std::ofstream(folder_ / "cambrian/config.yaml") << text;
  }
  ServerSettings Resolve(const ServerFlags& flags) {
    const auto settings = ResolveServer(flags, Environment());
    EXPECT_TRUE(settings.ok()) << settings.status();
    return settings.ok() ? *settings : ServerSettings();
  }

  testing::TemporaryFolder folder_;
  std::map<std::string, std::string> environment_;
};

constexpr char kTwoContexts[] = R"(contexts:
  lab: {server: "lab:7700", token_file: lab.token, tls_ca: /etc/lab.pem}
  home: {server: "home:7700", token_file: ~/home.token}
current: lab
)";

TEST_F(SettingsTest, NothingSaidIsThisMachine) {
  const ServerSettings settings = Resolve({});
  EXPECT_EQ(settings.server, "");
  EXPECT_EQ(settings.token_file, "");
}

TEST_F(SettingsTest, TheCurrentContextCountsWithPathsBesideItsFile) {
  WriteConfig(kTwoContexts);
  const ServerSettings settings = Resolve({});
  EXPECT_EQ(settings.server, "lab:7700");
  EXPECT_EQ(settings.token_file, folder_ / "cambrian/lab.token");
  EXPECT_EQ(settings.tls_ca, "/etc/lab.pem");
}

TEST_F(SettingsTest, AContextIsChosenByItsNameAndFlagsCountMore) {
  WriteConfig(kTwoContexts);
  environment_["HOME"] = "/home/ada";
  environment_["CAMBRIAN_SERVER"] = "elsewhere:1";
  ServerFlags flags;
  flags.context = "home";
  EXPECT_EQ(Resolve(flags).server, "home:7700");
  EXPECT_EQ(Resolve(flags).token_file, "/home/ada/home.token");
  flags.said.server = "[::1]:7700";
  EXPECT_EQ(Resolve(flags).server, "[::1]:7700");
}

TEST_F(SettingsTest, FlagsThenEnvironmentThenFile) {
  WriteConfig(kTwoContexts);
  environment_["CAMBRIAN_SERVER"] = "there:1";
  environment_["CAMBRIAN_TOKEN_FILE"] = "/there.token";
  EXPECT_EQ(Resolve({}).server, "there:1");
  EXPECT_EQ(Resolve({}).token_file, "/there.token");
  ServerFlags flags;
  flags.said.server = "here:2";
  EXPECT_EQ(Resolve(flags).server, "here:2");
}

TEST_F(SettingsTest, AContextsTokenGoesToNoOtherServer) {
  WriteConfig(kTwoContexts);
  ServerFlags flags;
  flags.said.server = "stranger:7700";
  EXPECT_EQ(Resolve(flags).token_file, "");
  EXPECT_EQ(Resolve(flags).tls_ca, "");
}

TEST_F(SettingsTest, AStateFolderMeansThisMachine) {
  WriteConfig(kTwoContexts);
  environment_["CAMBRIAN_SERVER"] = "there:1";
  ServerFlags flags;
  flags.local = true;
  EXPECT_EQ(Resolve(flags).server, "");
}

TEST_F(SettingsTest, ErrorsNameFileAndLine) {
  WriteConfig("contexts:\n  lab: {server: a, tokenfile: b}\ncurrent: lab\n");
  const auto unknown = ResolveServer({}, Environment());
  EXPECT_TRUE(absl::IsInvalidArgument(unknown.status()));
  EXPECT_THAT(unknown.status().message(), HasSubstr("config.yaml:2:20"));
  EXPECT_THAT(unknown.status().message(), HasSubstr("token_file"));
  WriteConfig("contexts: {lab: {server: a}}\ncurrent: labb\n");
  const auto current = ResolveServer({}, Environment());
  EXPECT_THAT(current.status().message(), HasSubstr("config.yaml:2:"));
  EXPECT_THAT(current.status().message(), HasSubstr("did you mean \"lab\"?"));
  ServerFlags flags;
  flags.context = "lav";
  WriteConfig("contexts: {lab: {server: a}}\n");
  const auto missing = ResolveServer(flags, Environment());
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_THAT(missing.status().message(), HasSubstr("did you mean \"lab\"?"));
}

}  // namespace
}  // namespace cambrian
