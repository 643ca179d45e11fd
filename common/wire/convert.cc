#include "common/wire/convert.h"

#include <string>

namespace cambrian {

// The codes of both libraries are the same numbers.
absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp out;
  const absl::Duration since = time - absl::UnixEpoch();
  const int64_t seconds = absl::ToInt64Seconds(absl::Floor(since, absl::Seconds(1)));
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(since - absl::Seconds(seconds))));
  return out;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::UnixEpoch() + absl::Seconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration out;
  const int64_t seconds = absl::ToInt64Seconds(duration);
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(seconds))));
  return out;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void ToProto(const Metrics& metrics, google::protobuf::RepeatedPtrField<v1::Measurement>* out) {
  out->Clear();
  for (const auto& [name, measurement] : metrics) {
    v1::Measurement& m = *out->Add();
    m.set_metric(name);
    m.set_value(measurement.value);
    if (measurement.low) m.set_low(*measurement.low);
    if (measurement.high) m.set_high(*measurement.high);
  }
}

Metrics FromProto(const google::protobuf::RepeatedPtrField<v1::Measurement>& measurements) {
  Metrics metrics;
  for (const v1::Measurement& m : measurements) {
    Measurement& measurement = metrics[m.metric()];
    measurement.value = m.value();
    if (m.has_low()) measurement.low = m.low();
    if (m.has_high()) measurement.high = m.high();
  }
  return metrics;
}

absl::string_view TrialStateName(v1::TrialState state) {
  switch (state) {
    case v1::TRIAL_QUEUED:
      return "queued";
    case v1::TRIAL_RUNNING:
      return "running";
    case v1::TRIAL_WAITING:
      return "waiting";
    case v1::TRIAL_SUCCEEDED:
      return "succeeded";
    case v1::TRIAL_PRUNED:
      return "pruned";
    case v1::TRIAL_INFEASIBLE:
      return "infeasible";
    case v1::TRIAL_FAILED:
      return "failed";
    case v1::TRIAL_CANCELLED:
      return "cancelled";
    default:
      return "unknown";
  }
}

}  // namespace cambrian
