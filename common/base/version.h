// The version of the program and of what programs say to each other.
#pragma once

namespace cambrian {

inline constexpr char kVersion[] = CAMBRIAN_VERSION;
// Raised when an older peer could misunderstand. Server, workers and clients refuse a peer of
// another wire protocol.
inline constexpr int kWireProtocol = 2;
inline constexpr int kEvaluatorProtocol = 1;

}  // namespace cambrian
