// A real Prometheus watches a real server, by the shipped configuration and alert rules.
#include <httplib.h>

#include <fstream>
#include <regex>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/programs.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using nlohmann::json;
using testing::Child;
using testing::Eventually;
using testing::Program;
using testing::SourceFile;

// Two objectives, so that there is a hypervolume.
constexpr char kObjectives[] =
    "strategy: random\n"
    "objectives: [{maximize: accuracy}, {minimize: parameters}]\n"
    "budget: {trials: 8}\n";

// Every name of a metric in a text.
std::set<std::string> MetricsIn(const std::string& text) {
  static const std::regex kName("\\b(cambrian|process)_[a-z_]+");
  std::set<std::string> names;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), kName);
       it != std::sregex_iterator(); ++it) {
    names.insert(it->str());
  }
  return names;
}

// The expressions of all panels of a board, with a value for each of its variables.
std::vector<std::string> ExpressionsOf(const json& board) {
  std::vector<std::string> expressions;
  for (const json& panel : board["panels"]) {
    for (const json& target : panel.value("targets", json::array())) {
      expressions.push_back(
          absl::StrReplaceAll(target["expr"].get<std::string>(), {{"$__rate_interval", "1m"},
                                                                  {"$instance", ".*"},
                                                                  {"$study", ".*"},
                                                                  {"$job", "cambrian"}}));
    }
  }
  return expressions;
}

// The program's path, or empty.
std::string Find(const std::string& program) {
  for (absl::string_view folder : absl::StrSplit(testing::Environment("PATH"), ':')) {
    const std::string path = absl::StrCat(folder, "/", program);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

class MetricsTest : public ::testing::Test {
 protected:
  // What comes after `words` in the first line that the server prints with them.
  std::string Printed(const std::string& words) const {
    for (absl::string_view line : absl::StrSplit(server_->Out(), '\n')) {
      if (absl::ConsumePrefix(&line, words)) return std::string(line);
    }
    return "";
  }

  void StartServer() {
    server_ = std::make_unique<Child>(
        std::vector<std::string>{Program("cambrian-server"), "--listen", Socket(), "--database",
                                 "sqlite:" + (folder_ / "cambrian.db"), "--artifacts",
                                 folder_ / "artifacts", "--http", "127.0.0.1:0", "--log-format",
                                 "json"},
        folder_ / "server");
    ASSERT_TRUE(Eventually([&] { return !Printed("http on ").empty(); })) << server_->Err();
    web_ = Printed("http on ");
    ASSERT_TRUE(Eventually([&] {
      const auto health = httplib::Client("http://" + web_).Get("/healthz");
      return health && health->status == 200;
    }));
  }
  std::string Socket() const { return "unix:" + (folder_ / "socket"); }

  // Some trials of a study of eight succeed; one more is left running.
  void Work(int succeed = 3) {
    const auto channel = grpc::CreateChannel(Socket(), grpc::InsecureChannelCredentials());
    const auto studies = v1::StudyService::NewStub(channel);
    const auto workers = v1::WorkerService::NewStub(channel);
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
    grpc::ClientContext create;
    create.set_deadline(deadline);
    v1::CreateStudyRequest request;
    request.set_text(testing::StudyText(kObjectives));
    v1::Study study;
    const grpc::Status created = studies->CreateStudy(&create, request, &study);
    ASSERT_TRUE(created.ok()) << created.error_message();
    v1::ReportRequest report;
    report.mutable_worker()->set_name("w1");
    report.mutable_worker()->set_host("somewhere");
    report.mutable_worker()->set_protocol(kWireProtocol);
    report.mutable_worker()->set_slots(1);
    report.mutable_worker()->add_evaluators("torch");
    report.mutable_worker()->set_any_path(true);
    report.set_free_slots(1);
    v1::DeviceUse& device = *report.add_devices();
    device.set_device("cuda:0");
    device.set_memory_bytes(1000);
    device.set_memory_used_bytes(250);
    device.set_utilization(0.5);
    v1::Assignments set;
    for (int i = 0; i <= succeed; ++i) {
      grpc::ClientContext context;
      context.set_deadline(deadline);
      const grpc::Status status = workers->Report(&context, report, &set);
      ASSERT_TRUE(status.ok()) << status.error_message();
      ASSERT_EQ(set.assignments_size(), 1);
      report.clear_completions();
      v1::Completion& completion = *report.add_completions();
      completion.set_assignment(set.assignments(0).assignment());
      completion.set_token(set.assignments(0).token());
      completion.set_outcome(v1::OUTCOME_SUCCEEDED);
      completion.set_seconds(2);
      ToProto(Metrics{{"accuracy", {0.1 * (i + 1), {}, {}}}}, completion.mutable_metrics());
    }
  }

  void StartPrometheus(const std::string& program) {
    std::filesystem::copy_file(SourceFile("deploy/prometheus/alerts.yml"), folder_ / "alerts.yml");
    std::ofstream(folder_ / "prometheus.yml")
        << absl::StrReplaceAll(Child::Read(SourceFile("deploy/prometheus/prometheus.yml")),
                               {{"127.0.0.1:9464", web_}, {"15s", "1s"}});
    prometheus_ = std::make_unique<Child>(
        std::vector<std::string>{program, "--config.file=" + (folder_ / "prometheus.yml"),
                                 "--storage.tsdb.path=" + (folder_ / "data"),
                                 "--web.listen-address=127.0.0.1:0"},
        folder_ / "prometheus");
    // It says which port it has picked.
    ASSERT_TRUE(Eventually([&] { return PrometheusPort() > 0; })) << prometheus_->Err();
  }
  int PrometheusPort() const {
    const std::string log = prometheus_->Err();
    const std::string before = "msg=\"Listening on\" address=127.0.0.1:";
    const size_t found = log.find(before);
    int port = 0;
    if (found == std::string::npos) return 0;
    absl::string_view rest = absl::string_view(log).substr(found + before.size());
    (void)absl::SimpleAtoi(rest.substr(0, rest.find_first_not_of("0123456789")), &port);
    return port;
  }

  json Ask(const std::string& path) const {
    httplib::Client client("127.0.0.1", PrometheusPort());
    const auto answer = client.Get(path);
    if (!answer || answer->status != 200) return {};
    return json::parse(answer->body, nullptr, /*allow_exceptions=*/false);
  }
  // The value of an expression with one series; empty if it has not.
  std::string Value(const std::string& expression) const {
    const json answer =
        Ask("/api/v1/query?query=" + httplib::detail::encode_query_param(expression));
    const json result = answer.is_object() ? answer["data"]["result"] : json();
    return result.size() == 1 ? result[0]["value"][1].get<std::string>() : "";
  }
  void ExpectSoon(const std::string& expression, const std::string& value) const {
    EXPECT_TRUE(Eventually([&] { return Value(expression) == value; }))
        << expression << " is \"" << Value(expression) << "\", not " << value;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Child> server_;
  std::unique_ptr<Child> prometheus_;
  std::string web_;
};

TEST_F(MetricsTest, PrometheusWatchesAServer) {
  const std::string program = Find("prometheus");
  if (program.empty()) GTEST_SKIP() << "there is no prometheus";
  ASSERT_NO_FATAL_FAILURE(StartServer());
  ASSERT_NO_FATAL_FAILURE(Work());
  ASSERT_NO_FATAL_FAILURE(StartPrometheus(program));
  ExpectSoon("up{job=\"cambrian\"}", "1");
  ExpectSoon("cambrian_healthy", "1");
  ExpectSoon("cambrian_trials{state=\"succeeded\"}", "3");
  ExpectSoon("cambrian_study_trials{study=\"toy-1\",state=\"running\"}", "1");
  ExpectSoon("cambrian_attempts_total{end=\"succeeded\"}", "3");
  ExpectSoon("cambrian_study_device_seconds{study=\"toy-1\"}", "6");
  ExpectSoon("cambrian_study_best_objective{study=\"toy-1\",metric=\"accuracy\"}",
             Value("cambrian_study_best_objective"));
  EXPECT_NEAR(std::stod(Value("cambrian_study_best_objective")), 0.3, 1e-9);
  ExpectSoon("cambrian_worker_slots{worker=\"w1\",host=\"somewhere\"}", "1");
  ExpectSoon("cambrian_device_memory_used_bytes{worker=\"w1\",device=\"cuda:0\"}", "250");
  ExpectSoon("cambrian_leases", "1");
  ExpectSoon("cambrian_rpc_calls_total{method=\"WorkerService/Report\",code=\"OK\"}", "4");
  ExpectSoon("cambrian_ask_seconds_count > bool 0", "1");
  ExpectSoon("cambrian_tell_seconds_count > bool 2", "1");
  ExpectSoon("cambrian_commit_seconds_count > bool 3", "1");
  // The shipped rules are in force, and nothing is wrong.
  const json rules = Ask("/api/v1/rules");
  ASSERT_TRUE(rules.is_object());
  EXPECT_GT(rules["data"]["groups"][0]["rules"].size(), 10);
  ExpectSoon("count(ALERTS{alertstate=\"firing\"}) or vector(0)", "0");
  // It understands every question of the shipped board.
  const json board =
      json::parse(Child::Read(SourceFile("deploy/grafana/cambrian.json")), nullptr, false);
  const std::vector<std::string> expressions = ExpressionsOf(board);
  EXPECT_GT(expressions.size(), 30);
  for (const std::string& expression : expressions) {
    const json answer =
        Ask("/api/v1/query?query=" + httplib::detail::encode_query_param(expression));
    EXPECT_TRUE(answer.is_object() && answer["status"] == "success") << expression;
  }
  // What the server logs is JSON.
  for (absl::string_view line : absl::StrSplit(server_->Err(), '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(json::accept(line)) << line;
  }

  server_->Signal(SIGTERM);
  EXPECT_EQ(server_->Wait(), 0);
  ExpectSoon("up{job=\"cambrian\"}", "0");
  prometheus_->Signal(SIGTERM);
  EXPECT_EQ(prometheus_->Wait(), 0);
}

TEST_F(MetricsTest, TheShippedRulesPassTheirTests) {
  const std::string promtool = Find("promtool");
  if (promtool.empty()) GTEST_SKIP() << "there is no promtool";
  const std::string folder = SourceFile("deploy/prometheus");
  Child config({promtool, "check", "config", folder + "/prometheus.yml"}, folder_ / "config");
  EXPECT_EQ(config.Wait(), 0) << config.Out() << config.Err();
  Child rules({promtool, "test", "rules", folder + "/alerts_test.yml"}, folder_ / "rules");
  EXPECT_EQ(rules.Wait(), 0) << rules.Out() << rules.Err();
}

// Every metric that the alert rules, the board and the documentation name is one that the server
// shows, and the board leaves out none of those that are documented.
TEST_F(MetricsTest, RulesBoardAndDocumentationNameMetricsThatAreThere) {
  ASSERT_NO_FATAL_FAILURE(StartServer());
  ASSERT_NO_FATAL_FAILURE(Work(6));
  std::string page;
  ASSERT_TRUE(Eventually([&] {
    const auto answer = httplib::Client("http://" + web_).Get("/metrics");
    if (answer) page = answer->body;
    return page.find("cambrian_worker_slots{") != std::string::npos;
  }));
  const std::set<std::string> shown = MetricsIn(std::regex_replace(page, std::regex("#.*"), ""));
  const std::string board = Child::Read(SourceFile("deploy/grafana/cambrian.json"));
  const std::string documentation = Child::Read(SourceFile("docs/monitoring.md"));
  for (const std::string& text :
       {board, documentation, Child::Read(SourceFile("deploy/prometheus/alerts.yml"))}) {
    const std::set<std::string> named = MetricsIn(text);
    EXPECT_GT(named.size(), 8);
    for (const std::string& name : named) {
      EXPECT_THAT(shown, ::testing::Contains(::testing::AnyOf(name, name + "_bucket"))) << name;
    }
  }
  const std::set<std::string> on_board = MetricsIn(board);
  for (const std::string& name : MetricsIn(documentation)) {
    EXPECT_THAT(on_board, ::testing::Contains(::testing::AnyOf(name, name + "_bucket"))) << name;
  }
}

}  // namespace
}  // namespace cambrian
