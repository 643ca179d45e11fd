// The live view and the plain lines: a study's progress as text.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/live/progress.h"

namespace cambrian {

// The few lines that are redrawn in place, each at most `width` columns wide.
std::vector<std::string> RenderLive(const StudyProgress& progress, absl::Duration now, int width,
                                    bool colour);

// "12:04:31 trial 19 succeeded accuracy=0.874 latency_ms=0.41 parameters=58122 (front)", or empty
// for an event that is not worth a line.
std::string RenderEvent(const v1::Event& event, const StudySpec& study, absl::TimeZone zone);

// "fashion-1 · nasbench201, 6 decisions, 15,625 architectures · accuracy ↑, latency_ms ↓ · WHERE"
std::string RenderHeader(const std::string& name, const StudySpec& study, const std::string& where);

}  // namespace cambrian
