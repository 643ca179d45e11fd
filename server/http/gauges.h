// States as metric families, made anew for each answer.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace cambrian {

// One family; `Set` adds a series.
class Gauges {
 public:
  Gauges(std::string name, std::string help,
         prometheus::MetricType type = prometheus::MetricType::Gauge) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = type;
  }

  void Set(double value, std::vector<prometheus::ClientMetric::Label> labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    metric.counter.value = value;
    family_.metric.push_back(std::move(metric));
  }

  // Appends it, unless it is empty.
  void MoveInto(std::vector<prometheus::MetricFamily>& families) && {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  prometheus::MetricFamily family_;
};

}  // namespace cambrian
