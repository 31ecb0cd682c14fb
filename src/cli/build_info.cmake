# Run at build time: writes build_info.cc, touching it only when something changed.
set(HYPR_GIT_DESCRIBE "")
find_program(git git)
if(git)
  execute_process(COMMAND "${git}" -C "${HYPR_SOURCE}" describe --always --dirty --tags
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(HYPR_GIT_DESCRIBE "${described}")
  endif()
endif()
configure_file("${HYPR_SOURCE}/src/cli/build_info.cc.in" "${HYPR_OUTPUT}" @ONLY)
