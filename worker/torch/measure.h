// What a network costs in inference, measured on the device.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/evaluator/protocol.h"
#include "common/nas/objective.h"
#include "worker/torch/control.h"
#include "worker/torch/network_module.h"

namespace cambrian {

// Milliseconds for a batch to pass through the network in inference form (eval mode, batch norms
// folded, fp32): warm-up, then at least `request.runs` timed runs and a fifth of a second of them;
// the median, with p10 and p90 as low and high. The caller has the device to itself. Threads are
// as they were when it returns. \error kCancelled
absl::StatusOr<Measurement> MeasureLatency(const NetworkModule& network,
                                           const evaluator::MeasureLatency& request,
                                           Control& control);

// The most bytes that one example's passing holds in inference form: live maps and weights.
int64_t MeasurePeakBytes(const NetworkModule& network);

}  // namespace cambrian
