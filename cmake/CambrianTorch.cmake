# LibTorch: Debian's, or PyPI's torch wheel (LibTorch with CUDA) where CAMBRIAN_TORCH_ROOT names its folder.
add_library(cambrian_torch_sdk INTERFACE)
if(CAMBRIAN_TORCH_ROOT)
  # The wheel's own CMake files demand a CUDA toolkit; its headers and libraries are all that is needed.
  target_include_directories(cambrian_torch_sdk SYSTEM INTERFACE
    ${CAMBRIAN_TORCH_ROOT}/include ${CAMBRIAN_TORCH_ROOT}/include/torch/csrc/api/include)
  target_link_directories(cambrian_torch_sdk INTERFACE ${CAMBRIAN_TORCH_ROOT}/lib)
  target_link_options(cambrian_torch_sdk INTERFACE -Wl,-rpath,${CAMBRIAN_TORCH_ROOT}/lib)
  target_link_libraries(cambrian_torch_sdk INTERFACE torch torch_cpu c10)
else()
  find_package(Torch REQUIRED)
  target_include_directories(cambrian_torch_sdk SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(cambrian_torch_sdk INTERFACE ${TORCH_LIBRARIES})
endif()
