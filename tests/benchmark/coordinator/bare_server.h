// The limit: the same messages over the same gRPC, and nothing behind them.
#pragma once

namespace cambrian {

// Serves until stdin ends; prints "listening on ADDRESS".
int ServeBare();

}  // namespace cambrian
