#include "worker/torch/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "worker/torch/backend.h"
#include "worker/torch/batches.h"
#include "worker/torch/optimizer.h"
#include "worker/torch/schedule.h"

namespace cambrian {
namespace {

constexpr int64_t kJudgeBatch = 256;
// Progress costs at most this share of the images trained.
constexpr double kProgressShare = 0.05;
// How often a device other than the CPU is asked for its loss, which makes it finish its queue.
constexpr int64_t kStepsBetweenLosses = 50;

// Streams of random numbers of one training.
enum Stream : uint64_t { kOrder = 1, kAugment = 2, kTorch = 3 };

at::Tensor Labels(const Examples& examples, absl::Span<const int32_t> indices, at::Device device) {
  at::Tensor labels = at::empty({static_cast<int64_t>(indices.size())}, at::kLong);
  int64_t* const first = labels.data_ptr<int64_t>();
  for (size_t i = 0; i < indices.size(); ++i) first[i] = examples.labels[indices[i]];
  return labels.to(device);
}

at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels, double smoothing,
                        int64_t reduction) {
  return at::cross_entropy_loss(logits.to(at::kFloat), labels, {}, reduction,
                                /*ignore_index=*/-100, smoothing);
}

class Trainer {
 public:
  Trainer(const Training& training, NetworkModule& network, Control& control)
      : training_(training),
        recipe_(training.recipe),
        network_(network),
        control_(control),
        steps_(CountSteps(recipe_, static_cast<int64_t>(training.split.train.size()))),
        maker_(training.data, training.data.train),
        optimizer_(recipe_, network),
        order_(training.split.train),
        order_random_(training.seed, kOrder),
        augment_seed_(Random(training.seed, kAugment).Next()),
        torch_seed_(Random(training.seed, kTorch).Next()) {}

  absl::StatusOr<double> Run() {
    if (training_.states != nullptr && !training_.resume.empty()) Resume();
    const absl::Status status = RunSteps();
    if (absl::IsCancelled(status) && training_.states != nullptr && training_.states->wanted()) {
      SaveState();
    }
    if (!status.ok()) return status;
    return position_.seconds;
  }

 private:
  absl::Status RunSteps() {
    while (true) {
      // The last epoch's verdict is the final one, on all validation examples.
      const bool epoch_ends = position_.step % steps_.per_epoch == 0 && position_.step > 0;
      if (position_.step >= steps_.total) return absl::OkStatus();
      if (epoch_ends && !position_.reported) RETURN_IF_ERROR(ReportEpoch());
      RETURN_IF_ERROR(control_.Proceed());
      const auto start = std::chrono::steady_clock::now();
      RETURN_IF_ERROR(Step(position_.step));
      const auto end = std::chrono::steady_clock::now();
      position_ = {position_.step + 1,
                   position_.seconds + std::chrono::duration<double>(end - start).count(), false};
      if (position_.step % steps_.per_epoch != 0) SaveWithinEpoch();
    }
  }

  // All that the steps change.
  StateTensors Tensors() {
    StateTensors tensors = optimizer_.State();
    for (const NamedWeight& weight : network_.weights()) {
      tensors.emplace_back("network." + weight.name, weight.tensor);
    }
    return tensors;
  }

  void Resume() {
    StateTensors tensors = Tensors();
    const absl::StatusOr<TrainingPosition> position =
        training_.states->Load(training_.resume, steps_.total, tensors);
    if (!position.ok()) {
      std::cerr << position.status().message() << ": training begins anew" << std::endl;
      return;
    }
    position_ = *position;
    optimizer_.Resume(position_.step);
    // Every epoch that has begun put the examples in another order.
    for (int64_t step = 0; step < position_.step; step += steps_.per_epoch) {
      Shuffle(order_, order_random_);
    }
    std::cerr << "training goes on after step " << position_.step << " of " << steps_.total
              << std::endl;
  }

  // Training is worth more than its state: that a disk is full ends nothing.
  void SaveState() {
    const absl::Status status = training_.states->Save(position_, Tensors());
    if (!status.ok()) {
      std::cerr << "the training's state was not saved: " << status.message() << std::endl;
    }
  }

  // In epochs that are longer than the interval.
  void SaveWithinEpoch() {
    if (training_.states == nullptr || !training_.states->Due()) return;
    SaveState();
    const std::string file = training_.states->TakeNews();
    if (!file.empty()) {
      control_.Report(
          {training_.assignment, position_.step / steps_.per_epoch, Epochs(), {}, file});
    }
  }

  int64_t Epochs() const { return static_cast<int64_t>(std::ceil(recipe_.epochs)); }

  absl::Status Step(int64_t step) {
    const absl::Span<const int32_t> indices = NextBatch(step);
    at::Tensor batch = EmptyBatch(indices.size(), training_.data.train.shape);
    // From the step's number, so that a training that goes on draws what it would have drawn.
    Random augment(augment_seed_, static_cast<uint64_t>(step));
    SeedTorch(Random(torch_seed_, static_cast<uint64_t>(step)).Next());
    maker_.Augmented(indices, recipe_, augment, batch.data_ptr<float>());
    batch = batch.to(network_.device());
    const at::Tensor labels = Labels(training_.data.train, indices, network_.device());
    // The first batches weigh alike, so that short trainings do not judge by the initial
    // statistics.
    const double momentum = std::max(0.1, 1 / static_cast<double>(step + 1));
    at::Tensor loss;
    {
      const Bf16Scope bf16(network_.device(), recipe_.precision == Recipe::Precision::kBf16);
      const at::Tensor logits =
          network_.Forward(batch, {.training = true, .norm_momentum = momentum});
      loss = CrossEntropy(logits, labels, recipe_.label_smoothing, at::Reduction::Mean);
    }
    loss.backward();
    optimizer_.Step(LearningRate(recipe_, step, steps_));
    if (!network_.device().is_cpu() && (step + 1) % kStepsBetweenLosses != 0) {
      return absl::OkStatus();
    }
    const double value = loss.item<double>();
    if (std::isfinite(value)) return absl::OkStatus();
    return absl::OutOfRangeError(absl::StrCat("the loss is ",
                                              std::isnan(value) ? "NaN" : "infinite", " at step ",
                                              step + 1, " of ", steps_.total));
  }

  absl::Span<const int32_t> NextBatch(int64_t step) {
    const int64_t position = step % steps_.per_epoch;
    if (position == 0) Shuffle(order_, order_random_);
    return absl::MakeConstSpan(order_).subspan(position * recipe_.batch, recipe_.batch);
  }

  absl::Status ReportEpoch() {
    const auto& validation = training_.split.validation;
    const double trained = static_cast<double>(steps_.per_epoch * recipe_.batch);
    const auto part = static_cast<size_t>(std::max(1.0, trained * kProgressShare));
    ASSIGN_OR_RETURN(const Verdict verdict,
                     Judge(training_.data, training_.data.train,
                           absl::MakeConstSpan(validation).first(std::min(part, validation.size())),
                           recipe_.precision == Recipe::Precision::kBf16, network_, control_));
    evaluator::Progress progress{
        training_.assignment, position_.step / steps_.per_epoch, Epochs(), {}, ""};
    verdict.AddTo(progress.metrics);
    position_.reported = true;
    if (training_.states != nullptr) {
      if (training_.states->Due()) SaveState();
      progress.checkpoint = training_.states->TakeNews();
    }
    control_.Report(progress);
    return absl::OkStatus();
  }

  const Training& training_;
  const Recipe& recipe_;
  NetworkModule& network_;
  Control& control_;
  const Steps steps_;
  BatchMaker maker_;
  Optimizer optimizer_;
  std::vector<int32_t> order_;
  Random order_random_;
  const uint64_t augment_seed_;
  const uint64_t torch_seed_;
  TrainingPosition position_;
};

}  // namespace

void Verdict::AddTo(Metrics& metrics, absl::string_view prefix) const {
  constexpr double kZ = 1.959964;
  const double n = static_cast<double>(count);
  const double p = static_cast<double>(correct) / n;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double reach = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  metrics[absl::StrCat(prefix, "accuracy")] = {p, std::max(0.0, centre - reach),
                                               std::min(1.0, centre + reach)};
  metrics[absl::StrCat(prefix, "loss")] = {loss, {}, {}};
}

absl::StatusOr<double> Train(const Training& training, NetworkModule& network, Control& control) {
  RETURN_IF_ERROR(CheckAugmentation(training.recipe, training.data.train.shape));
  return Trainer(training, network, control).Run();
}

absl::StatusOr<Verdict> Judge(const DataSet& data, const Examples& examples,
                              absl::Span<const int32_t> indices, bool bf16, NetworkModule& network,
                              Control& control) {
  const c10::AutoGradMode no_grad(false);
  BatchMaker maker(data, examples);
  Verdict verdict;
  for (size_t at = 0; at < indices.size(); at += kJudgeBatch) {
    RETURN_IF_ERROR(control.Proceed());
    const absl::Span<const int32_t> part = indices.subspan(at, kJudgeBatch);
    at::Tensor batch = EmptyBatch(part.size(), examples.shape);
    maker.Plain(part, batch.data_ptr<float>());
    const at::Tensor labels = Labels(examples, part, network.device());
    const Bf16Scope scope(network.device(), bf16);
    const at::Tensor logits = network.Forward(batch.to(network.device()), {});
    verdict.loss += CrossEntropy(logits, labels, 0, at::Reduction::Sum).item<double>();
    verdict.correct += logits.argmax(1).eq(labels).sum().item<int64_t>();
  }
  verdict.count = static_cast<int64_t>(indices.size());
  verdict.loss /= static_cast<double>(verdict.count);
  if (std::isfinite(verdict.loss)) return verdict;
  return absl::OutOfRangeError("the loss is not finite in validation");
}

}  // namespace cambrian
