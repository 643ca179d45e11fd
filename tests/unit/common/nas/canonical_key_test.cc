#include "common/nas/canonical_key.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "common/base/random.h"
#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

using testing::HandBuilt;
using K = OperationKind;
constexpr int kIn = HandBuilt::kInput;

HandBuilt Image() { return HandBuilt({4, {8, 8}}); }

// The key of what `body` builds on the input, with a head behind it.
template <typename Body>
CanonicalKey KeyWith(Body body) {
  HandBuilt builder = Image();
  builder.Head(body(builder), 10);
  return KeyOf(builder.Build());
}

TEST(CanonicalKeyTest, IsWrittenInHexadecimal) {
  const CanonicalKey key{0x0123456789abcdef, 0xfedcba9876543210};
  EXPECT_EQ(key.ToString(), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(CanonicalKey::FromString(key.ToString()).value(), key);
  for (const char* bad :
       {"", "0123", "0123456789abcdeffedcba987654321g", "0123456789abcdeffedcba98765432100",
        "0123456789ABCDEFfedcba9876543210"}) {
    EXPECT_FALSE(CanonicalKey::FromString(bad).ok()) << bad;
  }
}

TEST(CanonicalKeyTest, StaysTheSameAcrossBuilds) {
  // Databases hold keys: whoever changes this one makes all of them forget their twins.
  const CanonicalKey key = KeyWith([](HandBuilt& b) { return b.Relu(b.Conv(kIn, 8, 3)); });
  EXPECT_EQ(key.ToString(), "a9031760277a7e4bd0110f2233afcf0a");
}

TEST(CanonicalKeyTest, NamesDoNotCount) {
  HandBuilt a = Image();
  HandBuilt b = Image();
  b.SetPlace("elsewhere.", {"cell.edge_0_1"});
  a.Head(a.Conv(kIn, 8, 3), 10);
  b.Head(b.Conv(kIn, 8, 3), 10);
  EXPECT_EQ(KeyOf(a.Build()), KeyOf(b.Build()));
}

TEST(CanonicalKeyTest, ArgumentsAndInputShapeCount) {
  std::set<CanonicalKey> keys;
  for (const int64_t kernel : {1, 3}) {
    for (const int64_t stride : {1, 2}) {
      keys.insert(KeyWith([&](HandBuilt& b) { return b.Conv(kIn, 8, kernel, stride); }));
    }
  }
  keys.insert(KeyWith([](HandBuilt& b) { return b.Conv(kIn, 8, 3, 1, 2); }));
  keys.insert(KeyWith([](HandBuilt& b) { return b.Pool(K::kAvgPool, kIn, 3); }));
  keys.insert(KeyWith([](HandBuilt& b) { return b.Pool(K::kAvgPool, kIn, 3, 1, false); }));
  keys.insert(KeyWith([](HandBuilt& b) { return b.Pool(K::kMaxPool, kIn, 3); }));
  HandBuilt wider({4, {8, 9}});
  wider.Head(wider.Conv(kIn, 8, 3), 10);
  keys.insert(KeyOf(wider.Build()));
  EXPECT_EQ(keys.size(), 9);
}

TEST(CanonicalKeyTest, ArgumentsThatAreNotReadDoNotCount) {
  const auto relu = [](int64_t kernel) {
    return KeyWith([kernel](HandBuilt& b) {
      OperationArguments arguments;
      arguments.kernel = kernel;
      return b.Add(K::kRelu, {kIn}, arguments);
    });
  };
  EXPECT_EQ(relu(1), relu(3));
}

TEST(CanonicalKeyTest, SumsAreFlatWithMultiplicity) {
  const auto operands = [](HandBuilt& b) {
    return std::array<int, 3>{b.Conv(kIn, 4, 1), b.Conv(kIn, 4, 3), b.Conv(kIn, 4, 5)};
  };
  const CanonicalKey flat = KeyWith([&](HandBuilt& b) {
    const auto [x, y, z] = operands(b);
    return b.Sum({x, y, z});
  });
  EXPECT_EQ(flat, KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Sum({z, b.Sum({y, x})});
            }));
  EXPECT_NE(flat, KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Sum({x, y, z, z});
            }));
  EXPECT_NE(flat, KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Add(K::kProduct, {x, y, z});
            }));
  EXPECT_NE(flat, KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Sum({x, b.Add(K::kProduct, {y, z})});
            }));
  EXPECT_NE(KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Add(K::kMean, {x, b.Add(K::kMean, {y, z})});
            }),
            KeyWith([&](HandBuilt& b) {
              const auto [x, y, z] = operands(b);
              return b.Add(K::kMean, {x, y, z});
            }));
}

TEST(CanonicalKeyTest, ASumThatSomethingElseReadsIsStillFlattened) {
  // s = x + y is read by a convolution, and s + z is x + y + z.
  const auto network = [](bool nested) {
    return KeyWith([nested](HandBuilt& b) {
      const int x = b.Conv(kIn, 4, 1);
      const int y = b.Conv(kIn, 4, 3);
      const int s = b.Sum({x, y});
      const int z = b.Conv(s, 4, 3);
      return nested ? b.Sum({s, z}) : b.Sum({z, x, y});
    });
  };
  EXPECT_EQ(network(true), network(false));
}

TEST(CanonicalKeyTest, DoublingASumFortyTimesIsQuick) {
  const CanonicalKey key = KeyWith([](HandBuilt& b) {
    int last = b.Conv(kIn, 4, 3);
    for (int i = 0; i < 40; ++i) last = b.Sum({last, last});
    return last;
  });
  EXPECT_NE(key, KeyWith([](HandBuilt& b) {
              int last = b.Conv(kIn, 4, 3);
              for (int i = 0; i < 39; ++i) last = b.Sum({last, last});
              return last;
            }));
}

TEST(CanonicalKeyTest, AConvolutionReadTwiceIsNotTwoConvolutions) {
  EXPECT_NE(KeyWith([](HandBuilt& b) {
              const int conv = b.Conv(kIn, 4, 3);
              return b.Sum({conv, conv});
            }),
            KeyWith([](HandBuilt& b) {
              return b.Sum({b.Conv(kIn, 4, 3), b.Conv(kIn, 4, 3)});
            }));
}

TEST(CanonicalKeyTest, OperationsWithoutWeightsOnOneValueAreOneValue) {
  const auto network = [](K kind, bool twice) {
    return KeyWith([&](HandBuilt& b) {
      const auto add = [&](int input) {
        OperationArguments arguments;
        if (kind == K::kDropout) arguments.rate = 0.5;
        return b.Relu(b.Add(kind, {input}, arguments));  // the second merge follows from the first
      };
      const int one = add(kIn);
      const int two = twice ? add(kIn) : one;
      return b.Sum({b.Conv(one, 4, 1), b.Conv(two, 4, 3)});
    });
  };
  EXPECT_EQ(network(K::kTanh, true), network(K::kTanh, false));
  EXPECT_NE(network(K::kDropout, true), network(K::kDropout, false));
  EXPECT_NE(network(K::kBatchNorm, true), network(K::kBatchNorm, false));
}

TEST(CanonicalKeyTest, SharedAndSeparateInputsDiffer) {
  // Looked at backwards only, both are conv(relu(·)) + conv(relu(·)).
  const auto network = [](bool shared) {
    return KeyWith([shared](HandBuilt& b) {
      const int one = b.BatchNorm(kIn);
      const int two = shared ? one : b.BatchNorm(kIn);
      return b.Sum({b.Conv(one, 4, 3), b.Conv(two, 4, 3)});
    });
  };
  EXPECT_NE(network(true), network(false));
}

// concat(a, b) or concat(b, a) of two unlike values, and what `reader` makes of it.
template <typename Reader>
std::pair<CanonicalKey, CanonicalKey> BothOrders(Reader reader) {
  const auto key = [&](bool swap) {
    HandBuilt b = Image();
    int x = b.Conv(kIn, 4, 1);
    int y = b.Conv(kIn, 4, 3);
    if (swap) std::swap(x, y);
    reader(b, b.Add(K::kConcat, {x, y}));
    return KeyOf(b.Build());
  };
  return {key(false), key(true)};
}

TEST(CanonicalKeyTest, ConcatIsUnorderedWhereDenseOperationsReadIt) {
  using Reader = void (*)(HandBuilt&, int);
  const Reader readers[] = {
      [](HandBuilt& b, int c) { b.Head(c, 10); },
      [](HandBuilt& b, int c) { b.Head(b.Conv(c, 8, 3), 10); },
      [](HandBuilt& b, int c) { b.Head(b.BatchNorm(b.Conv(b.Relu(c), 8, 1)), 10); },
      [](HandBuilt& b, int c) { b.Head(b.Conv(b.BatchNorm(c), 4, 1), 10); },
      [](HandBuilt& b, int c) { b.Head(b.Pool(K::kMaxPool, c, 2, 2), 10); },
      [](HandBuilt& b, int c) { b.Head(b.Conv(b.Conv(c, 8, 3, 1, 8), 4, 1), 10); },
      // Two readers, and a sum with a dense operation of its own.
      [](HandBuilt& b, int c) {
        b.Head(b.Sum({b.Conv(c, 4, 1), b.Conv(c, 4, 3)}), 10);
      },
      [](HandBuilt& b, int c) {
        b.Head(b.Sum({c, b.Conv(c, 8, 3)}), 10);
      },
      // Within another concat.
      [](HandBuilt& b, int c) {
        b.Head(b.Add(K::kConcat, {c, b.Conv(kIn, 4, 3)}), 10);
      },
  };
  for (size_t i = 0; i < std::size(readers); ++i) {
    const auto [ab, ba] = BothOrders(readers[i]);
    EXPECT_EQ(ab, ba) << "reader " << i;
  }
}

TEST(CanonicalKeyTest, ConcatIsOrderedWhereItsChannelsAreHeldFast) {
  using Reader = void (*)(HandBuilt&, int);
  const Reader readers[] = {
      // A grouped convolution sees the halves apart.
      [](HandBuilt& b, int c) { b.Head(b.Conv(c, 8, 3, 1, 2), 10); },
      // Two concats in one sum: concat(a, b) + concat(c, d) is not concat(b, a) + concat(c, d).
      [](HandBuilt& b, int c) {
        b.Head(b.Sum({c, b.Add(K::kConcat, {b.Conv(kIn, 4, 5), b.Conv(kIn, 4, 7)})}), 10);
      },
      // … also where one is carried there by operations that treat channels alike.
      [](HandBuilt& b, int c) {
        const int other = b.Add(K::kConcat, {b.Conv(kIn, 4, 5), b.Conv(kIn, 4, 7)});
        b.Head(b.Sum({b.BatchNorm(b.Relu(c)), other}), 10);
      },
      // … or where both meet one dense operation, which can be permuted only once.
      [](HandBuilt& b, int c) {
        const int other = b.Add(K::kConcat, {b.Conv(kIn, 4, 5), b.Conv(kIn, 4, 7)});
        const int dense = b.Conv(kIn, 8, 1);
        b.Head(b.Sum({b.Conv(b.Sum({c, dense}), 4, 1), b.Conv(b.Sum({other, dense}), 4, 1)}), 10);
      },
      // The two halves of a factorised reduction differ.
      [](HandBuilt& b, int c) {
        OperationArguments arguments;
        arguments.out = 8;
        const int reduced = b.Add(K::kFactorizedReduce, {kIn}, arguments);
        b.Head(b.Sum({b.Pool(K::kAvgPool, c, 2, 2), reduced}), 10);
      },
      // The network's output: classes have an order.
      [](HandBuilt& b, int c) { b.Add(K::kGlobalPool, {c}); },
      // Within another concat that is ordered.
      [](HandBuilt& b, int c) {
        b.Add(K::kGlobalPool, {b.Add(K::kConcat, {c, b.Conv(kIn, 4, 5)})});
      },
  };
  for (size_t i = 0; i < std::size(readers); ++i) {
    const auto [ab, ba] = BothOrders(readers[i]);
    EXPECT_NE(ab, ba) << "reader " << i;
  }
}

TEST(CanonicalKeyTest, TheNetworksInputHoldsItsChannelsFast) {
  const auto key = [](bool swap) {
    HandBuilt b({8, {8, 8}});
    int x = b.Conv(kIn, 4, 1);
    int y = b.Conv(kIn, 4, 3);
    if (swap) std::swap(x, y);
    b.Head(b.Sum({b.Add(K::kConcat, {x, y}), b.Relu(kIn)}), 10);
    return KeyOf(b.Build());
  };
  EXPECT_NE(key(true), key(false));
}

// A DARTS-like cell: nodes 2 and 3 each sum two operations; the output concats them; `fit` reads.
TEST(CanonicalKeyTest, RenumberedDartsNodesAreTwins) {
  const auto network = [](bool swap) {
    HandBuilt b = Image();
    int last = b.Conv(kIn, 4, 3);
    for (int cell = 0; cell < 3; ++cell) {
      const auto fit = [&](int input) { return b.BatchNorm(b.Conv(b.Relu(input), 4, 1)); };
      const int zero = fit(last);
      const int one = fit(last);
      const auto first = [&] { return b.Sum({b.Conv(zero, 4, 3), one}); };
      const auto second = [&] { return b.Sum({b.Pool(K::kMaxPool, zero, 3), b.Conv(one, 4, 5)}); };
      const int two = swap ? second() : first();
      const int three = swap ? first() : second();
      last = b.Add(K::kConcat, {two, three});
    }
    b.Head(last, 10);
    return KeyOf(b.Build());
  };
  EXPECT_EQ(network(true), network(false));
}

// ---- Random networks ----

// Builds a random network; operations with one shape throughout, so that any two can be joined.
HandBuilt RandomBuilder(Random& random, int operations) {
  HandBuilt b = Image();
  std::vector<int> values = {b.Conv(kIn, 4, 1)};
  const auto any = [&] { return values[random.Below(values.size())]; };
  for (int i = 0; i < operations; ++i) {
    switch (random.Below(8)) {
      case 0:
        values.push_back(b.Relu(any()));
        break;
      case 1:
        values.push_back(b.Conv(any(), 4, 1 + 2 * static_cast<int64_t>(random.Below(3))));
        break;
      case 2:
        values.push_back(b.BatchNorm(any()));
        break;
      case 3:
        values.push_back(b.Pool(K::kAvgPool, any(), 3));
        break;
      case 4:
        values.push_back(b.Add(K::kProduct, {any(), any()}));
        break;
      case 5:
        values.push_back(b.Conv(b.Add(K::kConcat, {any(), any(), any()}), 4, 1));
        break;
      default:
        values.push_back(b.Sum({any(), any(), any()}));
        break;
    }
  }
  b.Head(b.Sum({any(), any(), values.back()}), 10);
  return b;
}

// The same network written otherwise: operations in another topological order, operands of joins
// without an order shuffled, places renamed.
Network Rewrite(const Network& network, Random& random) {
  const size_t count = network.operations.size();
  std::vector<int> number(count, -1);
  Network rewritten;
  while (rewritten.operations.size() < count) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < count; ++i) {
      const auto& inputs = network.operations[i].inputs;
      if (number[i] < 0 && std::all_of(inputs.begin(), inputs.end(),
                                       [&](int input) { return number[input] >= 0; })) {
        ready.push_back(i);
      }
    }
    const size_t next = ready[random.Below(ready.size())];
    number[next] = static_cast<int>(rewritten.operations.size());
    Operation operation = network.operations[next];
    for (int& input : operation.inputs) input = number[input];
    if (IsCommutative(operation.kind)) {
      for (size_t i = operation.inputs.size(); i > 1; --i) {
        std::swap(operation.inputs[i - 1], operation.inputs[random.Below(i)]);
      }
    }
    operation.place = absl::StrCat("renamed_", number[next]);
    rewritten.operations.push_back(std::move(operation));
  }
  return rewritten;
}

TEST(CanonicalKeyTest, RewritingANetworkNeverChangesItsKey) {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    const Network network = RandomBuilder(random, 3 + static_cast<int>(random.Below(30))).Build();
    EXPECT_EQ(KeyOf(network), KeyOf(Rewrite(network, random))) << "round " << round;
  }
}

TEST(CanonicalKeyTest, ChangingOneArgumentChangesTheKey) {
  Random random(4);
  for (int round = 0; round < 300; ++round) {
    Network network = RandomBuilder(random, 3 + static_cast<int>(random.Below(30))).Build();
    const CanonicalKey before = KeyOf(network);
    std::vector<size_t> convs;
    for (size_t i = 0; i < network.operations.size(); ++i) {
      if (network.operations[i].kind == K::kConv) convs.push_back(i);
    }
    network.operations[convs[random.Below(convs.size())]].arguments.kernel += 10;
    EXPECT_NE(KeyOf(network), before) << "round " << round;
  }
}

// Whether the two networks, without joins that flatten or merge, are isomorphic: by trying every
// assignment, input operands in order except those of sums.
bool Isomorphic(const Network& a, const Network& b, std::vector<int>& image, size_t next) {
  if (next == a.operations.size()) return image.back() + 1 == static_cast<int>(image.size());
  for (size_t candidate = 0; candidate < b.operations.size(); ++candidate) {
    const Operation& from = a.operations[next];
    const Operation& to = b.operations[candidate];
    if (std::find(image.begin(), image.begin() + next, candidate) != image.begin() + next ||
        from.kind != to.kind || !(from.arguments == to.arguments)) {
      continue;
    }
    std::vector<int> mapped;
    for (const int input : from.inputs) mapped.push_back(image[input]);
    std::vector<int> wanted = to.inputs;
    if (IsCommutative(from.kind)) {
      std::sort(mapped.begin(), mapped.end());
      std::sort(wanted.begin(), wanted.end());
    }
    if (mapped != wanted) continue;
    image[next] = static_cast<int>(candidate);
    if (Isomorphic(a, b, image, next + 1)) return true;
  }
  return false;
}

TEST(CanonicalKeyTest, EqualsBruteForceOnSmallGraphs) {
  // Batch norms and means only: nothing merges, nothing flattens, so isomorphism is plain.
  Random random(5);
  std::map<size_t, std::vector<Network>> by_size;
  for (int round = 0; round < 150; ++round) {
    HandBuilt b = Image();
    std::vector<int> values = {kIn};
    const auto any = [&] { return values[random.Below(values.size())]; };
    for (int i = 0; i < 6; ++i) {
      values.push_back(random.Chance(0.5) ? b.BatchNorm(any()) : b.Add(K::kMean, {any(), any()}));
    }
    b.Head(values.back(), 2);
    Network network = b.Build();
    by_size[network.operations.size()].push_back(std::move(network));
  }
  int equal = 0;
  for (const auto& [size, networks] : by_size) {
    for (size_t i = 0; i < networks.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        std::vector<int> image(size, -1);
        const bool isomorphic = Isomorphic(networks[i], networks[j], image, 0);
        EXPECT_EQ(KeyOf(networks[i]) == KeyOf(networks[j]), isomorphic);
        equal += isomorphic ? 1 : 0;
      }
    }
  }
  EXPECT_GT(equal, 50);
}

// ---- Rings, which refinement alone cannot tell apart ----

TEST(CanonicalKeyTest, CrossedBranchesAreNotParallelOnes) {
  const auto network = [](bool crossed) {
    return KeyWith([crossed](HandBuilt& b) {
      const int x = b.Conv(kIn, 4, 3);
      const int y = b.Conv(kIn, 4, 3);
      const int fx = b.Conv(x, 4, 1);
      const int fy = b.Conv(y, 4, 1);
      const int one = b.Sum({x, crossed ? fy : fx});
      const int two = b.Sum({y, crossed ? fx : fy});
      return b.Add(K::kProduct, {b.Conv(one, 4, 5), b.Conv(two, 4, 5)});
    });
  };
  EXPECT_NE(network(true), network(false));
}

TEST(CanonicalKeyTest, ARingOfSixIsNotTwoOfThree) {
  const auto network = [](const std::vector<int>& next) {
    return KeyWith([&](HandBuilt& b) {
      std::vector<int> values;
      for (int i = 0; i < 6; ++i) values.push_back(b.Conv(kIn, 4, 3));
      std::vector<int> pairs;
      for (int i = 0; i < 6; ++i) {
        pairs.push_back(b.Conv(b.Sum({values[i], values[next[i]]}), 4, 3));
      }
      return b.Sum(pairs);
    });
  };
  EXPECT_NE(network({1, 2, 3, 4, 5, 0}), network({1, 2, 0, 4, 5, 3}));
  EXPECT_EQ(network({1, 2, 3, 4, 5, 0}), network({2, 3, 4, 5, 1, 0}));
}

TEST(CanonicalKeyTest, ManyTwinsAreQuick) {
  const auto network = [](int branches) {
    return KeyWith([branches](HandBuilt& b) {
      std::vector<int> terms;
      for (int i = 0; i < branches; ++i) terms.push_back(b.BatchNorm(b.Conv(kIn, 4, 3)));
      return b.Sum(terms);
    });
  };
  EXPECT_NE(network(2'000), network(2'001));
}

// Every operation of a random network twice, each pair's links straight or crossed at random: such
// doubles of one network look alike to refinement, and many are not isomorphic.
Network RandomDouble(const std::vector<std::vector<int>>& base, Random& random) {
  HandBuilt b = Image();
  std::vector<std::array<int, 2>> values = {{b.BatchNorm(kIn), b.BatchNorm(kIn)}};
  for (const std::vector<int>& inputs : base) {
    std::array<std::vector<int>, 2> read;
    for (const int input : inputs) {
      const size_t crossed = random.Below(2);
      read[0].push_back(values[input][crossed]);
      read[1].push_back(values[input][1 - crossed]);
    }
    const K kind = inputs.size() == 1 ? K::kBatchNorm : K::kMean;
    const int first = b.Add(kind, read[0]);
    values.push_back({first, b.Add(kind, read[1])});
  }
  b.Head(b.Add(K::kMean, {values.back()[0], values.back()[1]}), 2);
  return b.Build();
}

TEST(CanonicalKeyTest, EqualsBruteForceOnDoubles) {
  Random random(6);
  int alike = 0;
  int unlike = 0;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::vector<int>> base;
    for (int i = 0; i < 4; ++i) {
      base.push_back({static_cast<int>(random.Below(i + 1))});
      if (random.Chance(0.7)) base.back().push_back(static_cast<int>(random.Below(i + 1)));
    }
    std::vector<Network> doubles;
    for (int i = 0; i < 6; ++i) doubles.push_back(RandomDouble(base, random));
    for (size_t i = 0; i < doubles.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const size_t size = doubles[i].operations.size();
        if (size != doubles[j].operations.size()) continue;
        std::vector<int> image(size, -1);
        const bool isomorphic = Isomorphic(doubles[i], doubles[j], image, 0);
        EXPECT_EQ(KeyOf(doubles[i]) == KeyOf(doubles[j]), isomorphic);
        ++(isomorphic ? alike : unlike);
      }
    }
  }
  EXPECT_GT(alike, 50);
  EXPECT_GT(unlike, 50);
}

// ---- NAS-Bench-201 ----

TEST(CanonicalKeyTest, SeesThroughSkipsInNasBench201) {
  const auto key = [](const testing::Nb201Cell& cell) {
    return KeyOf(testing::Nb201Network(cell, 4, 2).value());
  };
  // Node 1 is the input itself, so an edge from 1 is one from 0.
  EXPECT_EQ(key({"skip", "none", "conv3x3", "none", "none", "skip"}),
            key({"none", "none", "none", "conv3x3", "none", "none"}));
  // A dead edge does not count.
  EXPECT_EQ(key({"conv1x1", "none", "none", "skip", "none", "none"}),
            key({"none", "none", "none", "skip", "none", "conv3x3"}));
  // The average of one value twice is one value, a convolution is two; both are summed twice.
  EXPECT_NE(key({"none", "none", "none", "avg_pool3x3", "none", "none"}),
            key({"skip", "none", "none", "avg_pool3x3", "avg_pool3x3", "none"}));
  EXPECT_NE(key({"conv3x3", "none", "none", "none", "skip", "none"}),
            key({"skip", "none", "none", "conv3x3", "conv3x3", "none"}));
}

struct Nb201Row {
  testing::Nb201Cell cell;
  int network;
  int64_t parameters;
  int64_t macs;
};

std::vector<Nb201Row> ReadNb201() {
  const char* source = std::getenv("CAMBRIAN_SOURCE");
  std::ifstream file(
      absl::StrCat(source == nullptr ? "." : source, "/../shared/data/nasbench201/networks.csv"));
  std::vector<Nb201Row> rows;
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    Nb201Row row;
    for (std::string& operation : row.cell) std::getline(fields, operation, ',');
    char comma = 0;
    fields >> row.network >> comma >> row.parameters >> comma >> row.macs;
    rows.push_back(row);
  }
  return rows;
}

TEST(CanonicalKeyTest, FindsThe5260NetworksOfNasBench201) {
  const std::vector<Nb201Row> rows = ReadNb201();
  if (rows.empty()) GTEST_SKIP() << "shared/data/nasbench201/networks.csv is not here";
  ASSERT_EQ(rows.size(), 15'625);
  std::map<CanonicalKey, int> class_of;
  std::map<int, CanonicalKey> key_of;
  for (const Nb201Row& row : rows) {
    const std::optional<Network> network = testing::Nb201Network(row.cell);
    ASSERT_EQ(network.has_value(), row.network != 0);
    if (!network.has_value()) continue;
    EXPECT_EQ(network->Parameters(), row.parameters);
    EXPECT_EQ(network->Macs(), row.macs);
    const CanonicalKey key = KeyOf(*network);
    EXPECT_EQ(class_of.emplace(key, row.network).first->second, row.network);
    EXPECT_EQ(key_of.emplace(row.network, key).first->second, key);
  }
  EXPECT_EQ(class_of.size() + 1, 5'260);  // and the one that lets nothing through
}

}  // namespace
}  // namespace cambrian
