# Find ROS 2 in the Python environment that pip installed it into.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND ${Python3_EXECUTABLE} -c
          "import rosidl_adapter as m, pathlib; print(pathlib.Path(m.__file__).parents[4])"
  OUTPUT_VARIABLE ros_prefix
  OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
list(PREPEND CMAKE_PREFIX_PATH ${ros_prefix})
set(ENV{AMENT_PREFIX_PATH} ${ros_prefix})

# Some exported targets of the wheels name include folders of the machine that built them; CMake refuses a
# target whose include folder does not exist, and nothing here needs those.
function(_drop_foreign_include_dirs)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(dirs ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(dirs)
      list(FILTER dirs EXCLUDE REGEX "^/opt/(python|_internal)/")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${dirs}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL _drop_foreign_include_dirs)
