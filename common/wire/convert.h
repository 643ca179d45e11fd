// Wire messages ↔ domain values, gRPC status ↔ absl::Status.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/trial.pb.h"
#include "common/nas/objective.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "grpcpp/support/status.h"

namespace cambrian {

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

// The repeated field is replaced.
void ToProto(const Metrics& metrics, google::protobuf::RepeatedPtrField<v1::Measurement>* out);
Metrics FromProto(const google::protobuf::RepeatedPtrField<v1::Measurement>& measurements);

// "succeeded", "infeasible", …: states as people and programs read them.
absl::string_view TrialStateName(v1::TrialState state);

}  // namespace cambrian
