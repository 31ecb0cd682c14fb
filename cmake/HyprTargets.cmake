# hypr_layer(NAME SOURCES ... [DEPS layer...] [LIBS external...])
#   A folder under src/ as the static library hypr_NAME. DEPS are lower layers, LIBS are outside libraries.
function(hypr_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(hypr_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(hypr_${name} PUBLIC hypr_options)
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(hypr_${name} PUBLIC hypr_${dep})
  endforeach()
  target_link_libraries(hypr_${name} PRIVATE ${ARG_LIBS})
endfunction()

# hypr_isa_sources(NAME AVX2 files... AVX512 files...)
#   Gives instruction-set flags to single source files of layer NAME. Such a file keeps every function
#   in an anonymous namespace but its entry point, so that no inline code compiled for a newer machine
#   can be picked by the linker for an older one.
function(hypr_isa_sources)
  cmake_parse_arguments(ARG "" "" "AVX2;AVX512" ${ARGN})
  set_source_files_properties(${ARG_AVX2} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
  set(avx512 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni
    -mavx512bf16 -mavx512vbmi -mgfni)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc 12 takes the undefined operand of its own intrinsics for a mistake (GCC bug 105593).
    list(APPEND avx512 -Wno-uninitialized -Wno-maybe-uninitialized)
  endif()
  set_source_files_properties(${ARG_AVX512} PROPERTIES COMPILE_OPTIONS "${avx512}")
endfunction()

# hypr_test(NAME SOURCES ... LAYERS layer... [LABELS ...] [LIBS external...])
#   One GoogleTest program, one ctest entry. The label "unit" is the default. A program labelled
#   "threads" is also run under the thread sanitizer, one labelled "slow" under none.
function(hypr_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LAYERS;LABELS;LIBS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  foreach(layer IN LISTS ARG_LAYERS)
    target_link_libraries(${name} PRIVATE hypr_${layer})
  endforeach()
  target_link_libraries(${name} PRIVATE hypr_options hypr_test_support ${ARG_LIBS})
  # What is tested keeps -O3. A shared precompiled header saved another tenth, for 136 MB of it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(hypr_thread_tests ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
endfunction()
