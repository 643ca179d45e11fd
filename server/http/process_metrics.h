// This process's memory, processor time and descriptors, under the names that all of Prometheus'
// clients use.
#pragma once

#include <vector>

#include "prometheus/metric_family.h"

namespace cambrian {

// Read from /proc; what cannot be read is left out.
void AddProcess(std::vector<prometheus::MetricFamily>& families);

}  // namespace cambrian
