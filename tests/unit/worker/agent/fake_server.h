// A server in the test's own process, whose answers tests choose.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/version.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace cambrian {

// What the server has heard. Plain data.
struct Heard {
  std::vector<v1::PollRequest> polls;
  std::vector<v1::ReportRequest> reports;  // also those whose answer was lost
  std::vector<v1::Completion> completions;
  std::vector<v1::ProgressReport> progress;
  std::vector<v1::HandBack> hand_backs;
  std::map<std::string, std::string> uploads;  // hash → content
  int specs = 0;                               // fetched
  int downloads = 0;
};

class FakeServer : public v1::WorkerService::Service, public v1::ArtifactService::Service {
 public:
  explicit FakeServer(const std::string& socket) { Listen(socket); }
  ~FakeServer() override { Close(); }

  void Listen(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(static_cast<v1::WorkerService::Service*>(this));
    builder.RegisterService(static_cast<v1::ArtifactService::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  void Close() {
    {
      MutexLock lock(&mutex_);
      closing_ = true;
      news_.SignalAll();
    }
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  void AddStudy(const std::string& name, const std::string& text) {
    MutexLock lock(&mutex_);
    studies_[name] = text;
  }
  // The set that is answered from now on.
  void Set(const std::vector<v1::Assignment>& assignments) {
    MutexLock lock(&mutex_);
    SetLocked(++revision_, assignments);
  }
  // One under an older revision than the newest.
  void SetOlder(const std::vector<v1::Assignment>& assignments) {
    MutexLock lock(&mutex_);
    SetLocked(revision_ - 1, assignments);
  }
  int64_t revision() {
    MutexLock lock(&mutex_);
    return revision_;
  }
  void SetProtocol(int protocol) {
    MutexLock lock(&mutex_);
    set_.set_protocol(protocol);
  }
  // The next answers to reports are lost, after the server took them.
  void LoseAnswers(int count) {
    MutexLock lock(&mutex_);
    lose_answers_ = count;
  }

  // An artifact to download.
  void AddArtifact(const std::string& sha256, const std::string& content) {
    MutexLock lock(&mutex_);
    artifacts_[sha256] = content;
  }

  // What the next uploads are answered, instead of being stored.
  void RefuseUploads(std::deque<grpc::Status> answers) {
    MutexLock lock(&mutex_);
    upload_answers_ = std::move(answers);
  }

  // Waits until `condition` holds of what was heard. Returns whether it did.
  bool Await(const std::function<bool(const Heard&)>& condition) {
    const absl::Duration deadline = Clock::System().Monotonic() + absl::Seconds(30);
    MutexLock lock(&mutex_);
    while (!condition(heard_) && Clock::System().Monotonic() < deadline) {
      news_.WaitWithTimeout(&mutex_, absl::Seconds(1));
    }
    return condition(heard_);
  }
  Heard heard() {
    MutexLock lock(&mutex_);
    return heard_;
  }

  grpc::Status Poll(grpc::ServerContext*, const v1::PollRequest* request,
                    v1::Assignments* response) override {
    MutexLock lock(&mutex_);
    heard_.polls.push_back(*request);
    news_.SignalAll();
    // Hangs briefly, so that the next Poll soon says how things stand.
    if (!closing_ && changes_ == answered_) news_.WaitWithTimeout(&mutex_, absl::Milliseconds(20));
    if (closing_) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "closing");
    answered_ = changes_;
    *response = set_;
    return grpc::Status::OK;
  }

  grpc::Status Report(grpc::ServerContext*, const v1::ReportRequest* request,
                      v1::Assignments* response) override {
    MutexLock lock(&mutex_);
    heard_.reports.push_back(*request);
    for (const auto& c : request->completions()) heard_.completions.push_back(c);
    for (const auto& p : request->progress()) heard_.progress.push_back(p);
    for (const auto& h : request->hand_backs()) heard_.hand_backs.push_back(h);
    news_.SignalAll();
    Settle(*request);
    if (lose_answers_ > 0) {
      --lose_answers_;
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the answer was lost");
    }
    *response = set_;
    for (const auto& c : request->completions()) response->add_settled(c.token());
    return grpc::Status::OK;
  }

  grpc::Status GetStudySpec(grpc::ServerContext*, const v1::GetStudySpecRequest* request,
                            v1::GetStudySpecResponse* response) override {
    MutexLock lock(&mutex_);
    ++heard_.specs;
    const auto found = studies_.find(request->study());
    if (found == studies_.end()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such study");
    response->set_text(found->second);
    return grpc::Status::OK;
  }

  grpc::Status Download(grpc::ServerContext*, const v1::DownloadRequest* request,
                        grpc::ServerWriter<v1::DownloadResponse>* writer) override {
    std::string content;
    {
      MutexLock lock(&mutex_);
      ++heard_.downloads;
      const auto found = artifacts_.find(request->sha256());
      if (found == artifacts_.end()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "it is gone");
      content = found->second;
    }
    v1::DownloadResponse response;
    for (size_t at = 0; at < content.size(); at += 7) {
      response.set_chunk(content.substr(at, 7));
      writer->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status Upload(grpc::ServerContext*, grpc::ServerReader<v1::UploadRequest>* reader,
                      v1::UploadResponse*) override {
    v1::UploadRequest request;
    std::string hash, content;
    int64_t size = 0;
    while (reader->Read(&request)) {
      if (request.has_header()) {
        hash = request.header().sha256();
        size = request.header().size();
      }
      content += request.chunk();
    }
    if (static_cast<int64_t>(content.size()) != size) {
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "not as long as it said");
    }
    MutexLock lock(&mutex_);
    if (!upload_answers_.empty()) {
      const grpc::Status answer = upload_answers_.front();
      upload_answers_.pop_front();
      return answer;
    }
    heard_.uploads[hash] = content;
    news_.SignalAll();
    return grpc::Status::OK;
  }

 private:
  void SetLocked(int64_t revision, const std::vector<v1::Assignment>& assignments)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    set_.set_revision(revision);
    set_.clear_assignments();
    for (const v1::Assignment& assignment : assignments) *set_.add_assignments() = assignment;
    ++changes_;
    news_.SignalAll();
  }
  // Takes the completions: what they complete is no longer in the set.
  void Settle(const v1::ReportRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::set<int64_t> done;
    for (const auto& c : request.completions()) done.insert(c.token());
    std::vector<v1::Assignment> left;
    for (const v1::Assignment& a : set_.assignments()) {
      if (!done.contains(a.token())) left.push_back(a);
    }
    if (static_cast<int>(left.size()) < set_.assignments_size()) SetLocked(++revision_, left);
  }

  Mutex mutex_;
  CondVar news_;
  Heard heard_ ABSL_GUARDED_BY(mutex_);
  v1::Assignments set_ ABSL_GUARDED_BY(mutex_) = [] {
    v1::Assignments set;
    set.set_protocol(kWireProtocol);
    set.set_version(kVersion);
    return set;
  }();
  std::map<std::string, std::string> studies_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> artifacts_ ABSL_GUARDED_BY(mutex_);
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t answered_ ABSL_GUARDED_BY(mutex_) = 0;  // changes that a Poll was answered with
  int lose_answers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<grpc::Status> upload_answers_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace cambrian
