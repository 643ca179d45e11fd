# Language, warnings and sanitizers for our own code.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")  # the sanitizers' presets: quick to build, asserts on

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(cambrian_warnings INTERFACE)
target_compile_options(cambrian_warnings INTERFACE -Wall -Wextra -Wno-unused-parameter -Werror)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(cambrian_warnings INTERFACE -Wthread-safety)
endif()

option(CAMBRIAN_FUZZ "Build the fuzz targets for libFuzzer (clang)" OFF)
set(CAMBRIAN_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")
if(CAMBRIAN_SANITIZE)
  add_compile_options(-fsanitize=${CAMBRIAN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-maybe-uninitialized)  # guesses wrong in instrumented code
  endif()
  add_link_options(-fsanitize=${CAMBRIAN_SANITIZE})
  if(CAMBRIAN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()
