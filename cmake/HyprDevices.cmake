# HYPR_CUDA: OFF builds for the CPU; AUTO does the same where there is nothing to build for; ON insists.
set(HYPR_CUDA "AUTO" CACHE STRING "Build the CUDA kernels: OFF, AUTO or ON")
set_property(CACHE HYPR_CUDA PROPERTY STRINGS OFF AUTO ON)

string(TOUPPER "${HYPR_CUDA}" hypr_cuda)
if(hypr_cuda STREQUAL "ON")
  find_program(HYPR_NVCC nvcc)
  if(NOT HYPR_NVCC)
    message(FATAL_ERROR "HYPR_CUDA=ON, but there is no CUDA toolkit here (nvcc was not found). "
      "Install it, or configure with -DHYPR_CUDA=OFF for a CPU build.")
  endif()
  message(FATAL_ERROR "HYPR_CUDA=ON, but this version has CPU kernels only. "
    "Configure with -DHYPR_CUDA=OFF or AUTO.")
elseif(NOT hypr_cuda MATCHES "^(AUTO|OFF|0|FALSE|NO)$")
  message(FATAL_ERROR "HYPR_CUDA is OFF, AUTO or ON, not \"${HYPR_CUDA}\"")
endif()
