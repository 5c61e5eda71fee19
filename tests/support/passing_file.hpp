#pragma once

#include <sqlite3.h>

namespace fanfold::test {

/// What the files of a VFS of the tests' own do that stands in front of another one: they pass on. `File` begins with
/// an sqlite3_file; the other VFS's file lies right behind it in memory.
template <class File>
struct PassingFile {
  static sqlite3_file* real(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
  }

  /// Of all methods but those for mapped memory, whose writes nobody could see.
  static sqlite3_io_methods methods() {
    sqlite3_io_methods made{};
    made.iVersion = 2;
    made.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
    made.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
      return real(f)->pMethods->xRead(real(f), to, n, at);
    };
    made.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
      return real(f)->pMethods->xWrite(real(f), from, n, at);
    };
    made.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); };
    made.xSync = [](sqlite3_file* f, int flags) { return real(f)->pMethods->xSync(real(f), flags); };
    made.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); };
    made.xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); };
    made.xUnlock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); };
    made.xCheckReservedLock = [](sqlite3_file* f, int* to) {
      return real(f)->pMethods->xCheckReservedLock(real(f), to);
    };
    made.xFileControl = [](sqlite3_file* f, int what, void* with) {
      return real(f)->pMethods->xFileControl(real(f), what, with);
    };
    made.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
    made.xDeviceCharacteristics = [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); };
    made.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
      return real(f)->pMethods->xShmMap(real(f), page, size, extend, to);
    };
    made.xShmLock = [](sqlite3_file* f, int first, int n, int flags) {
      return real(f)->pMethods->xShmLock(real(f), first, n, flags);
    };
    made.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
    made.xShmUnmap = [](sqlite3_file* f, int removes) { return real(f)->pMethods->xShmUnmap(real(f), removes); };
    return made;
  }
};

}  // namespace fanfold::test
