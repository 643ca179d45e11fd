// The study file and the space language: whatever the text, a study or errors. A study's own text
// gives the same study again, and what its space samples validates and lowers, or says why not.
#include "common/base/random.h"
#include "common/spec/diagnostics.h"
#include "common/spec/study_spec.h"
#include "tests/fuzz/fuzz_target.h"

namespace cambrian {
namespace {

std::unique_ptr<StudySpec> Parse(const std::string& text) {
  Diagnostics diagnostics("fuzz.yaml", text);
  std::unique_ptr<StudySpec> study = ParseStudy(text, /*folder=*/"", {}, diagnostics);
  FUZZ_CHECK((study != nullptr) == diagnostics.ok());
  FUZZ_CHECK(diagnostics.ok() || !diagnostics.Render().empty());
  return study;
}

void SampleAndLower(const StudySpec& study) {
  if (!study.data.task) return;
  Random random(study.seed);
  for (int i = 0; i < 3; ++i) {
    const Architecture architecture = study.space->Sample(random);
    FUZZ_CHECK(study.space->Validate(architecture).ok());
    FUZZ_CHECK(study.space->FromJson(study.space->ToJson(architecture)).ok());
    (void)study.space->Lower(architecture, *study.data.task);
    (void)study.RecipeFor(architecture);
  }
}

}  // namespace
}  // namespace cambrian

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::unique_ptr<cambrian::StudySpec> study = cambrian::Parse(text);
  if (study == nullptr) return 0;
  const std::unique_ptr<cambrian::StudySpec> again = cambrian::Parse(study->text);
  FUZZ_CHECK(again != nullptr);
  FUZZ_CHECK(again->text == study->text);
  FUZZ_CHECK(again->space->decisions().size() == study->space->decisions().size());
  (void)cambrian::ExplainDefaults(*study);
  cambrian::SampleAndLower(*study);
  return 0;
}
