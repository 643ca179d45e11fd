# Everything that Cambrian stands on, found once. The order matters: Protobuf before Abseil before gRPC before Torch.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(Eigen3 3.4 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)  # SHA-256
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx libpq)
pkg_check_modules(GVC REQUIRED IMPORTED_TARGET libgvc libcgraph)

# An allocator for programs that allocate much, instead of glibc's. Debian's package of the library alone has no link name,
# and nothing in a program calls it by name. Sanitizers have an allocator of their own.
find_library(CAMBRIAN_TCMALLOC NAMES tcmalloc_minimal libtcmalloc_minimal.so.4 REQUIRED)
function(cambrian_use_tcmalloc program)
  if(NOT CAMBRIAN_SANITIZE)
    target_link_libraries(${program} PRIVATE ${CAMBRIAN_TCMALLOC})
    target_link_options(${program} PRIVATE -Wl,--no-as-needed)
  endif()
endfunction()

if(CAMBRIAN_TORCH)
  include(CambrianTorch)  # defines the target cambrian_torch_sdk
endif()
