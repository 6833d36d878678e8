find_package(spdlog REQUIRED)

# Every file that includes storage/planted_bugs.hpp.
set(planted_storage
    checkpoint_reader.cpp
    compaction.cpp
    hint_file.cpp
    index.cpp
    log_writer.cpp
    manifest.cpp
    record.cpp
    recovery.cpp
    segment.cpp
    segment_loader.cpp
    segment_scanner.cpp
    tail_verdict.cpp)
set(planted_actors catalog.cpp compactor_install.cpp syncer.cpp
                   writer_publish.cpp writer_runs.cpp)
list(TRANSFORM planted_storage PREPEND ${PROJECT_SOURCE_DIR}/storage/)
list(TRANSFORM planted_actors PREPEND ${PROJECT_SOURCE_DIR}/actors/)

add_library(kvs_planted_storage OBJECT EXCLUDE_FROM_ALL
            ${planted_bugs} ${planted_storage})
target_link_libraries(kvs_planted_storage PRIVATE kvs_flags)
target_compile_definitions(kvs_planted_storage PRIVATE KVS_PLANTED_BUGS)
add_library(kvs_planted_actors OBJECT EXCLUDE_FROM_ALL
            ${planted_actors})
target_link_libraries(kvs_planted_actors PRIVATE kvs::actors kvs::protocol
                                                 spdlog::spdlog)
target_compile_definitions(kvs_planted_actors PRIVATE KVS_PLANTED_BUGS)
target_precompile_headers(kvs_planted_actors PRIVATE <caf/all.hpp>)

foreach(kind storage actor)
  set(program planted_${kind}_simulation)
  add_executable(${program} EXCLUDE_FROM_ALL ${kind}_simulated.cpp)
  add_dependencies(kvs_proofs ${program})
  target_compile_options(${program} PRIVATE -O0)
  target_link_libraries(
    ${program} PRIVATE kvs_flags kvs_planted_storage kvs_simulation_tests
                       kvs_proof_main)
endforeach()
target_link_libraries(planted_storage_simulation PRIVATE kvs_simulation)
target_link_libraries(planted_actor_simulation PRIVATE kvs_planted_actors
                                                       kvs_actor_simulation)

# One test for each bug, and one without any.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
file(STRINGS ${PROJECT_SOURCE_DIR}/storage/planted_bugs.hpp bugs
     REGEX "^  [a-z_]+,$")
add_test(
  NAME simulation.planted_bug_none
  COMMAND
    ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/planted_bugs.py
    --programs ${CMAKE_CURRENT_BINARY_DIR} --none)
set_tests_properties(simulation.planted_bug_none PROPERTIES LABELS simulation
                                                            TIMEOUT 900)
foreach(bug IN LISTS bugs)
  string(REGEX REPLACE "[ ,]" "" bug ${bug})
  add_test(
    NAME simulation.planted_bug.${bug}
    COMMAND
      ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/planted_bugs.py
      --programs ${CMAKE_CURRENT_BINARY_DIR} --bug ${bug})
  set_tests_properties(simulation.planted_bug.${bug}
                       PROPERTIES LABELS simulation TIMEOUT 900)
endforeach()
