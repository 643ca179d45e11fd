#include "server/rpc/door.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr double kLoggedRefusalsPerSecond = 5;

// The token in "authorization: Bearer TOKEN", or nothing.
std::optional<absl::string_view> TokenOf(const grpc::ServerContextBase& context) {
  const auto it = context.client_metadata().find("authorization");
  if (it == context.client_metadata().end()) return std::nullopt;
  absl::string_view value(it->second.data(), it->second.size());
  const absl::string_view scheme = value.substr(0, 7);
  if (!absl::EqualsIgnoreCase(scheme, "Bearer ")) return std::nullopt;
  value.remove_prefix(scheme.size());
  return value;
}

std::string RolesText(Roles roles) {
  std::string text;
  const auto add = [&](Role role, absl::string_view name) {
    if ((roles & role) != 0) absl::StrAppend(&text, text.empty() ? "" : " or ", name);
  };
  add(kReadRole, "read");
  add(kSubmitRole, "submit");
  add(kWorkRole, "work");
  add(kAdminRole, "admin");
  return text;
}

}  // namespace

Door::Door(const TokenFile* tokens, Limits limits, const Clock& clock, CallObserver observer)
    : tokens_(tokens),
      limits_(limits),
      clock_(clock),
      observer_(std::move(observer)),
      refusals_(kLoggedRefusalsPerSecond, clock.Monotonic()) {}

void Entry::Departure::operator()(Door* door) const { door->Depart(); }

void Door::Depart() {
  if (--inside_ > 0 || !closed_) return;
  MutexLock lock(&mutex_);
  empty_.SignalAll();
}

bool Door::CloseAndWait(absl::Duration at_most) {
  closed_ = true;
  const absl::Duration until = clock_.Monotonic() + at_most;
  MutexLock lock(&mutex_);
  while (inside_ > 0) {
    const absl::Duration left = until - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) return false;
    empty_.WaitWithTimeout(&mutex_, left);
  }
  return true;
}

Entry Door::Enter(const grpc::ServerContextBase& context, absl::string_view method_name) {
  ++inside_;
  const Method& method = MethodNamed(method_name);
  Scope scope;
  absl::Status status =
      closed_ ? absl::UnavailableError("the server is going down") : Admit(context, method, scope);
  if (!status.ok() && !closed_) LogRefusal(context, method, status);
  std::function<void(absl::StatusCode)> leave;
  if (observer_) {
    leave = [this, &method, start = clock_.Monotonic()](absl::StatusCode code) {
      observer_(method.name, code, clock_.Monotonic() - start);
    };
  }
  return Entry(*this, std::move(status), std::move(scope), std::move(leave));
}

absl::Status Door::Admit(const grpc::ServerContextBase& context, const Method& method,
                         Scope& scope) {
  if (tokens_ == nullptr) return absl::OkStatus();
  scope.all = false;
  const std::optional<absl::string_view> token = TokenOf(context);
  if (!token) {
    return absl::UnauthenticatedError(
        "this server wants a token (--token-file FILE, or CAMBRIAN_TOKEN_FILE): the header "
        "\"authorization: Bearer TOKEN\"");
  }
  const std::optional<Caller> caller = tokens_->Find(*token);
  if (!caller) {
    return absl::UnauthenticatedError("this server does not know the token, or no longer");
  }
  if ((caller->roles & (method.roles | kAdminRole)) == 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("the token \"", caller->name, "\" may not call ", method.name,
                     ": that needs the role ", RolesText(method.roles)));
  }
  scope = caller->scope;
  return TakeTurn(*caller);
}

absl::Status Door::TakeTurn(const Caller& caller) {
  if (limits_.calls_per_second <= 0) return absl::OkStatus();
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(&mutex_);
  const auto it = buckets_.try_emplace(caller.hash, limits_.calls_per_second, now).first;
  if (it->second.Take(now)) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the token \"", caller.name,
                                                   "\" makes more than ", limits_.calls_per_second,
                                                   " calls a second; try again later"));
}

void Door::LogRefusal(const grpc::ServerContextBase& context, const Method& method,
                      const absl::Status& why) {
  {
    MutexLock lock(&mutex_);
    if (!refusals_.Take(clock_.Monotonic())) return;
  }
  spdlog::warn("refused {} from {}: {}", std::string(method.name), context.peer(),
               std::string(why.message()));
}

}  // namespace cambrian
