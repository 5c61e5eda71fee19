# Compiles for arm64 (aarch64) on another machine: Debian's cross compiler, and the libraries of Debian's arm64 beside the machine's own
# (`dpkg --add-architecture arm64`). What the build itself has to run, and the tests, run under qemu where it is there.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
find_program(FANFOLD_QEMU NAMES qemu-aarch64-static qemu-aarch64)
if(FANFOLD_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${FANFOLD_QEMU}")
endif()
