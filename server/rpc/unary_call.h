// The rules of a unary call of gRPC's callback API, in one place.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/wire/convert.h"
#include "grpcpp/grpcpp.h"
#include "server/rpc/door.h"

namespace cambrian {

// A call comes in through the door, which may refuse it, and finishes once: with its answer, or
// CANCELLED when the caller hangs up, whichever comes first. (A call that never finishes would keep
// the server from shutting down.) It is kept alive by gRPC until it is done, and by whoever still
// wants to answer it. Thread-safe.
template <typename Response>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  // `response` lives until the call is done. A call that the door refuses is finished already.
  static std::shared_ptr<UnaryCall> Make(Door& door, const grpc::CallbackServerContext& context,
                                         absl::string_view method, Response* response) {
    std::shared_ptr<UnaryCall> call(new UnaryCall(door.Enter(context, method), response));
    call->self_ = call;
    const absl::Status& admitted = call->entry_.status();
    if (!admitted.ok()) call->Answer(admitted);
    return call;
  }

  // Whose studies the caller sees.
  const Scope& scope() const { return entry_.scope(); }

  void Answer(absl::StatusOr<Response> answer) {
    {
      MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    // Not under the mutex: the last reference may go in `Finish`.
    entry_.Leave(answer.status().code());
    const grpc::Status status = ToGrpc(answer.status());
    if (answer.ok()) *response_ = *std::move(answer);
    Finish(status);
  }

  bool IsFinished() const {
    MutexLock lock(&mutex_);
    return finished_;
  }

  void OnCancel() override { Answer(absl::CancelledError("the caller hung up")); }
  void OnDone() override {
    entry_.Depart();
    std::shared_ptr<UnaryCall> self = std::move(self_);  // the last reference may go here
  }

 private:
  UnaryCall(Entry entry, Response* response) : entry_(std::move(entry)), response_(response) {}

  // What happens in `OnDone` and `OnCancel` is short, so gRPC need not wake yet another thread for
  // it. Not a part of gRPC's API: where it is gone, leave it out.
  bool InternalInlineable() override { return true; }

  Entry entry_;
  Response* const response_;
  std::shared_ptr<UnaryCall> self_;
  mutable Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

// What the coordinator answers a call with.
template <typename Response>
std::function<void(absl::StatusOr<Response>)> AnswerTo(std::shared_ptr<UnaryCall<Response>> call) {
  return [call = std::move(call)](absl::StatusOr<Response> answer) {
    call->Answer(std::move(answer));
  };
}

}  // namespace cambrian
