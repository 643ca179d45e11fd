# The three kinds of target, so that a room's CMakeLists.txt says only what is in it and what it may import.

# cambrian_library(NAME SOURCES… [DEPENDS our libraries…] [LINKS others…])
# DEPENDS and LINKS are PRIVATE to keep imports honest, unless listed under PUBLIC.
function(cambrian_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_DEPENDS} cambrian_warnings)
endfunction()

# cambrian_program(NAME SOURCES… DEPENDS…): a program in build/…/bin.
function(cambrian_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} cambrian_warnings)
endfunction()

# cambrian_test(NAME SOURCES… DEPENDS… [TIMEOUT seconds]): one GoogleTest program per room, one ctest per TEST.
# Its label is the kind of test, the first folder under tests/: ctest -L unit.
# Tests find the source tree through the environment variable CAMBRIAN_SOURCE and the programs through CAMBRIAN_BIN.
function(cambrian_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} cambrian_warnings GTest::gmock GTest::gtest_main)
  file(RELATIVE_PATH kind ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" kind "${kind}")
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS ${kind}
    ENVIRONMENT "CAMBRIAN_SOURCE=${PROJECT_SOURCE_DIR}"  # a list of two would be torn apart on its way to ctest
    ENVIRONMENT_MODIFICATION "CAMBRIAN_BIN=set:${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
endfunction()
