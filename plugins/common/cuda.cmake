# Before `project`: finds nvcc, and lets it find CUDA's libraries. NVIDIA's Python packages keep those in lib, where an nvcc
# before 13.2 does not look.
find_program(CMAKE_CUDA_COMPILER nvcc HINTS ENV CUDA_HOME PATH_SUFFIXES bin)
get_filename_component(cuda_libraries "${CMAKE_CUDA_COMPILER}" DIRECTORY)
set(cuda_libraries "${cuda_libraries}/../lib")
if(EXISTS "${cuda_libraries}/libcudart_static.a")
    set(ENV{LIBRARY_PATH} "${cuda_libraries}:$ENV{LIBRARY_PATH}") # for the tests of the compiler that `project` makes
    add_link_options("-L${cuda_libraries}")
endif()
