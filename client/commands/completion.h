// What could be typed next.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace cambrian {

// The words that could stand where the last of `words` is being typed ("cambrian" apart): verbs,
// flags, values of flags, and what `names` gives for a positional argument ("study", "trial",
// "space"). Empty where files are wanted.
std::vector<std::string> Completions(
    const CLI::App& app, const std::vector<std::string>& words,
    const std::function<std::vector<std::string>(const std::string& argument)>& names);

}  // namespace cambrian
