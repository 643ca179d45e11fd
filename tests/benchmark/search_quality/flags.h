// What the program is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace cambrian {

inline constexpr int kGoalWorkers = 16;  // the goals' protocol

struct Flags {
  std::string table;
  std::string space = "nasbench201";
  std::vector<int64_t> input = {3, 32, 32};
  int64_t classes = 10;
  std::vector<std::string> strategies = {"random", "regularized_evolution"};
  std::vector<std::string> options;
  std::vector<std::string> parts = {"sequential", "asynchronous"};
  std::vector<int> evaluations = {30, 60, 100};
  int seeds = 500;
  int workers = kGoalWorkers;
  std::string guide = "valid_accuracy_12";
  std::string judge = "test_accuracy_200";
  std::string seconds = "train_seconds_200";
  double seconds_scale = 12.0 / 200;
  std::string dedupe = "architecture";
  std::string steps_guide = "valid_accuracy_200";
  int steps_limit = 500;
  std::string front_accuracy = "test_accuracy_200";
  std::string front_cost = "edgegpu_latency_ms";
  double front_reference = 80;
  std::vector<int> front_evaluations = {100, 200, 500};
  int threads = 2;
  std::string optuna = "python3";
  int optuna_seeds = 20;
};

void AddFlags(CLI::App& app, Flags& flags);

}  // namespace cambrian
