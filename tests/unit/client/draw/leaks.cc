// What Graphviz and the font libraries below it keep for the life of the process is not our leak.
// Read by LeakSanitizer only.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libfontconfig\nleak:libglib\nleak:libpango\nleak:libgvc\nleak:libcgraph\n";
}
