#include "server/strategy/policy.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/nas/space_rules.h"

namespace cambrian {
namespace {

constexpr double kTanh = 2.5;
constexpr double kTemperature = 5;
constexpr double kSpread = 0.1;  // of weights at the beginning, uniform

Eigen::ArrayXd Softmax(const Eigen::ArrayXd& logits) {
  const Eigen::ArrayXd power = (logits - logits.maxCoeff()).exp();
  return power / power.sum();
}

double Entropy(const Eigen::ArrayXd& probabilities) {
  return -(probabilities * (probabilities + 1e-300).log()).sum();
}

// The gradient of a step's loss by its logits.
Eigen::ArrayXd ByLogits(const Eigen::ArrayXd& p, int choice, double advantage, double entropy) {
  Eigen::ArrayXd by = advantage * p;
  by[choice] -= advantage;
  // d(−H)/d logit = p (log p + H)
  return by + entropy * p * ((p + 1e-300).log() + Entropy(p));
}

}  // namespace

DecisionChoices::DecisionChoices(const SearchSpace& space) : decisions_(space.decisions()) {
  for (size_t d = 0; d < decisions_.size(); ++d) {
    counts_.push_back(IsShared(d) ? kMostChoices : static_cast<int>(ValueCount(decisions_[d])));
  }
}

bool DecisionChoices::IsShared(size_t decision) const {
  const Decision& d = decisions_[decision];
  if (d.kind == Decision::Kind::kCategorical) return false;
  const uint64_t count = ValueCount(d);
  return count == 0 || count > kMostChoices;
}

int DecisionChoices::Of(size_t decision, double value) const {
  const Decision& d = decisions_[decision];
  if (!IsShared(decision)) return static_cast<int>(IndexOf(d, value));
  const double place = d.log_scale ? std::log(value / d.low) / std::log(d.high / d.low)
                                   : (value - d.low) / (d.high - d.low);
  return std::clamp(static_cast<int>(place * kMostChoices), 0, kMostChoices - 1);
}

double DecisionChoices::Draw(size_t decision, int choice, Random& random) const {
  const Decision& d = decisions_[decision];
  if (!IsShared(decision)) return ValueAt(d, static_cast<uint64_t>(choice));
  const double place = (choice + random.Uniform()) / kMostChoices;
  const double value =
      d.log_scale ? d.low * std::pow(d.high / d.low, place) : d.low + (d.high - d.low) * place;
  if (d.kind == Decision::Kind::kReal) return std::clamp(value, d.low, d.high);
  return ValueAt(d, std::min(IndexOf(d, value), ValueCount(d) - 1));
}

double Policy::Loss(const std::vector<PolicyStep>& steps, double advantage, double entropy) const {
  const std::unique_ptr<Walk> walk = Begin();
  double loss = 0;
  for (const PolicyStep& step : steps) {
    const Eigen::ArrayXd p = walk->Probabilities(step.decision);
    loss -= advantage * std::log(p[step.choice]) + entropy * Entropy(p);
    walk->Choose(step.choice);
  }
  return loss;
}

namespace {

class LogitsPolicy : public Policy {
 public:
  explicit LogitsPolicy(const DecisionChoices& choices) {
    Eigen::Index size = 0;
    for (size_t d = 0; d < choices.decisions(); ++d) {
      begin_.push_back(size);
      count_.push_back(choices.Count(d));
      size += choices.Count(d);
    }
    parameters_ = Eigen::ArrayXd::Zero(size);
  }

  std::unique_ptr<Walk> Begin() const override {
    class LogitsWalk : public Walk {
     public:
      explicit LogitsWalk(const LogitsPolicy& policy) : policy_(policy) {}
      Eigen::ArrayXd Probabilities(size_t decision) override { return policy_.Of(decision); }
      void Choose(int choice) override {}

     private:
      const LogitsPolicy& policy_;
    };
    return std::make_unique<LogitsWalk>(*this);
  }

  Eigen::ArrayXd Gradient(const std::vector<PolicyStep>& steps, double advantage,
                          double entropy) const override {
    Eigen::ArrayXd gradient = Eigen::ArrayXd::Zero(parameters_.size());
    for (const PolicyStep& step : steps) {
      gradient.segment(begin_[step.decision], count_[step.decision]) +=
          ByLogits(Of(step.decision), step.choice, advantage, entropy);
    }
    return gradient;
  }

 private:
  Eigen::ArrayXd Of(size_t decision) const {
    return Softmax(parameters_.segment(begin_[decision], count_[decision]));
  }

  std::vector<Eigen::Index> begin_;
  std::vector<Eigen::Index> count_;
};

using Matrix = Eigen::Map<const Eigen::MatrixXd>;
using Vector = Eigen::Map<const Eigen::VectorXd>;
using MatrixOut = Eigen::Map<Eigen::MatrixXd>;
using VectorOut = Eigen::Map<Eigen::VectorXd>;

Eigen::ArrayXd Sigmoid(const Eigen::ArrayXd& x) { return 1 / (1 + (-x).exp()); }

class LstmPolicy : public Policy {
 public:
  LstmPolicy(const DecisionChoices& choices, LstmSizes sizes, Random& random)
      : units_(sizes.units), embedding_(sizes.embedding) {
    Eigen::Index size = 0;
    const auto place = [&](Eigen::Index count) { return std::exchange(size, size + count); };
    input_ = place(4 * units_ * embedding_);
    recurrent_ = place(4 * units_ * units_);
    bias_ = place(4 * units_);
    first_ = place(embedding_);
    for (size_t d = 0; d < choices.decisions(); ++d) {
      const Eigen::Index count = choices.Count(d);
      heads_.push_back({count, place(count * units_), place(count), place(count * embedding_)});
    }
    parameters_.resize(size);
    for (double& parameter : parameters_) parameter = kSpread * (2 * random.Uniform() - 1);
  }

  std::unique_ptr<Walk> Begin() const override { return std::make_unique<LstmWalk>(*this); }
  Eigen::ArrayXd Gradient(const std::vector<PolicyStep>& steps, double advantage,
                          double entropy) const override;

 private:
  struct Head {
    Eigen::Index count;
    Eigen::Index weights;     // [count, units]
    Eigen::Index biases;      // [count]
    Eigen::Index embeddings;  // [embedding, count]
  };
  // What one step leaves behind for the way back.
  struct Trace {
    Eigen::VectorXd input;
    Eigen::VectorXd hidden_before;
    Eigen::ArrayXd cell_before;
    Eigen::ArrayXd in, forget, content, out;  // gates
    Eigen::ArrayXd cell;
    Eigen::VectorXd hidden;
    Eigen::ArrayXd squashed;  // tanh(x / kTemperature)
    Eigen::ArrayXd probabilities;
  };
  class LstmWalk : public Walk {
   public:
    explicit LstmWalk(const LstmPolicy& policy)
        : policy_(policy),
          input_(policy.At(policy.first_, policy.embedding_)),
          hidden_(Eigen::VectorXd::Zero(policy.units_)),
          cell_(Eigen::ArrayXd::Zero(policy.units_)) {}
    Eigen::ArrayXd Probabilities(size_t decision) override {
      decision_ = decision;
      Trace trace = policy_.Forward(decision, input_, hidden_, cell_);
      hidden_ = std::move(trace.hidden);
      cell_ = std::move(trace.cell);
      return trace.probabilities;
    }
    void Choose(int choice) override { input_ = policy_.Embedding({decision_, choice}); }

   private:
    const LstmPolicy& policy_;
    Eigen::VectorXd input_;
    Eigen::VectorXd hidden_;
    Eigen::ArrayXd cell_;
    size_t decision_ = 0;
  };

  Vector At(Eigen::Index begin, Eigen::Index size) const {
    return {parameters_.data() + begin, size};
  }
  Matrix At(Eigen::Index begin, Eigen::Index rows, Eigen::Index columns) const {
    return {parameters_.data() + begin, rows, columns};
  }
  Eigen::Index PlaceOf(const PolicyStep& step) const {
    return heads_[step.decision].embeddings + step.choice * embedding_;
  }
  Eigen::VectorXd Embedding(const PolicyStep& step) const { return At(PlaceOf(step), embedding_); }
  Trace Forward(size_t decision, const Eigen::VectorXd& input, const Eigen::VectorXd& hidden,
                const Eigen::ArrayXd& cell) const;

  const Eigen::Index units_;
  const Eigen::Index embedding_;
  Eigen::Index input_ = 0;      // [4 units, embedding]: gates in, forget, content, out
  Eigen::Index recurrent_ = 0;  // [4 units, units]
  Eigen::Index bias_ = 0;       // [4 units]
  Eigen::Index first_ = 0;      // [embedding]
  std::vector<Head> heads_;     // by decision
};

LstmPolicy::Trace LstmPolicy::Forward(size_t decision, const Eigen::VectorXd& input,
                                      const Eigen::VectorXd& hidden,
                                      const Eigen::ArrayXd& cell) const {
  Trace trace;
  trace.input = input;
  trace.hidden_before = hidden;
  trace.cell_before = cell;
  const Eigen::ArrayXd gates = (At(input_, 4 * units_, embedding_) * input +
                                At(recurrent_, 4 * units_, units_) * hidden + At(bias_, 4 * units_))
                                   .array();
  trace.in = Sigmoid(gates.segment(0, units_));
  trace.forget = Sigmoid(gates.segment(units_, units_));
  trace.content = gates.segment(2 * units_, units_).tanh();
  trace.out = Sigmoid(gates.segment(3 * units_, units_));
  trace.cell = trace.forget * cell + trace.in * trace.content;
  trace.hidden = (trace.out * trace.cell.tanh()).matrix();
  const Head& head = heads_[decision];
  const Eigen::ArrayXd raw =
      (At(head.weights, head.count, units_) * trace.hidden + At(head.biases, head.count)).array();
  trace.squashed = (raw / kTemperature).tanh();
  trace.probabilities = Softmax(kTanh * trace.squashed);
  return trace;
}

Eigen::ArrayXd LstmPolicy::Gradient(const std::vector<PolicyStep>& steps, double advantage,
                                    double entropy) const {
  std::vector<Trace> traces;
  Eigen::VectorXd input = At(first_, embedding_);
  Eigen::VectorXd hidden = Eigen::VectorXd::Zero(units_);
  Eigen::ArrayXd cell = Eigen::ArrayXd::Zero(units_);
  for (const PolicyStep& step : steps) {
    traces.push_back(Forward(step.decision, input, hidden, cell));
    hidden = traces.back().hidden;
    cell = traces.back().cell;
    input = Embedding(step);
  }
  Eigen::ArrayXd gradient = Eigen::ArrayXd::Zero(parameters_.size());
  double* const out = gradient.data();
  Eigen::VectorXd by_hidden = Eigen::VectorXd::Zero(units_);
  Eigen::ArrayXd by_cell = Eigen::ArrayXd::Zero(units_);
  Eigen::ArrayXd by_gates(4 * units_);
  for (size_t t = steps.size(); t-- > 0;) {
    const Trace& trace = traces[t];
    const Head& head = heads_[steps[t].decision];
    const Eigen::VectorXd by_raw =
        (ByLogits(trace.probabilities, steps[t].choice, advantage, entropy) * kTanh *
         (1 - trace.squashed.square()) / kTemperature)
            .matrix();
    MatrixOut(out + head.weights, head.count, units_) += by_raw * trace.hidden.transpose();
    VectorOut(out + head.biases, head.count) += by_raw;
    by_hidden += At(head.weights, head.count, units_).transpose() * by_raw;

    const Eigen::ArrayXd squashed = trace.cell.tanh();
    by_cell += by_hidden.array() * trace.out * (1 - squashed.square());
    by_gates.segment(0, units_) = by_cell * trace.content * trace.in * (1 - trace.in);
    by_gates.segment(units_, units_) =
        by_cell * trace.cell_before * trace.forget * (1 - trace.forget);
    by_gates.segment(2 * units_, units_) = by_cell * trace.in * (1 - trace.content.square());
    by_gates.segment(3 * units_, units_) =
        by_hidden.array() * squashed * trace.out * (1 - trace.out);
    MatrixOut(out + input_, 4 * units_, embedding_) += by_gates.matrix() * trace.input.transpose();
    MatrixOut(out + recurrent_, 4 * units_, units_) +=
        by_gates.matrix() * trace.hidden_before.transpose();
    VectorOut(out + bias_, 4 * units_) += by_gates.matrix();
    VectorOut(out + (t == 0 ? first_ : PlaceOf(steps[t - 1])), embedding_) +=
        At(input_, 4 * units_, embedding_).transpose() * by_gates.matrix();
    by_hidden = At(recurrent_, 4 * units_, units_).transpose() * by_gates.matrix();
    by_cell *= trace.forget;
  }
  return gradient;
}

}  // namespace

std::unique_ptr<Policy> NewLogitsPolicy(const DecisionChoices& choices) {
  return std::make_unique<LogitsPolicy>(choices);
}

std::unique_ptr<Policy> NewLstmPolicy(const DecisionChoices& choices, LstmSizes sizes,
                                      Random& random) {
  return std::make_unique<LstmPolicy>(choices, sizes, random);
}

}  // namespace cambrian
