#pragma once

#include "passing_file.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>

namespace fanfold::test {

/// A disk whose power can be cut, in front of SQLite's default VFS. It remembers of every file what was synced and what
/// was only written, and of every folder which names were synced: after a cut, any part of the rest may be there, in
/// pieces of a sector, in any order. While it lives it is SQLite's default VFS; there is one at a time. Thread-safe.
class PowerCutDisk {
 public:
  /// A disk writes a sector whole or not at all.
  static constexpr std::size_t sector_bytes = 512;

  PowerCutDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.iVersion = 2;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.zName = "power-cut";
    vfs_.pAppData = this;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    vfs_.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* result) {
      sqlite3_vfs* const real = disk_of(vfs).real_;
      return real->xAccess(real, name, flags, result);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int size, char* result) {
      sqlite3_vfs* const real = disk_of(vfs).real_;
      return real->xFullPathname(real, name, size, result);
    };
    vfs_.xGetLastError = [](sqlite3_vfs* vfs, int size, char* result) {
      sqlite3_vfs* const real = disk_of(vfs).real_;
      return real->xGetLastError(real, size, result);
    };
    sqlite3_vfs_register(&vfs_, 1);
    instance() = this;
  }
  ~PowerCutDisk() {
    instance() = nullptr;
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  PowerCutDisk(const PowerCutDisk&) = delete;
  PowerCutDisk& operator=(const PowerCutDisk&) = delete;

  /// The power goes off instead of the `count`-th change from now on: a write, truncation, deletion or sync.
  void cut_after(std::uint64_t count) {
    const std::scoped_lock lock(mutex_);
    changes_left_ = count;
    cuts_ = true;
  }
  [[nodiscard]] bool is_off() const {
    const std::scoped_lock lock(mutex_);
    return is_off_;
  }
  [[nodiscard]] std::uint64_t change_count() const {
    const std::scoped_lock lock(mutex_);
    return change_count_;
  }
  /// The `count`-th sync from now on of a file whose name ends like this answers EIO. As a kernel does, it forgets what
  /// it could not write and tells everybody who has the file open once, so that later syncs succeed without it.
  void fail_sync(std::string suffix, std::uint64_t count) {
    const std::scoped_lock lock(mutex_);
    failing_suffix_ = std::move(suffix);
    syncs_left_ = count;
  }
  [[nodiscard]] bool sync_has_failed() const {
    const std::scoped_lock lock(mutex_);
    return failing_suffix_.empty();
  }

  /// To be called by the test's own fsync(2), for what does not go through the VFS. False where the power is off.
  static bool sync_folder(int descriptor) {
    PowerCutDisk* const disk = instance();
    struct stat status {};
    if (disk == nullptr || fstat(descriptor, &status) != 0 || !S_ISDIR(status.st_mode)) return true;
    const std::scoped_lock lock(disk->mutex_);
    if (!disk->changes()) return false;
    disk->sync_names();
    return true;
  }

  /// The power is back: writes what the disk holds into `folder`, which is empty, and goes on with that. What was not
  /// synced is there with a chance of `survival` for each sector and each name. Nothing may be open.
  void restore(const std::filesystem::path& folder, double survival, std::uint64_t seed) {
    const std::scoped_lock lock(mutex_);
    std::mt19937_64 random(seed);
    const auto survives = [&] { return std::uniform_real_distribution<double>(0, 1)(random) < survival; };
    for (const auto& [path, name] : names_) {
      const std::shared_ptr<Node>& node = survives() ? name.current : name.synced;
      if (!node) continue;
      std::string bytes = node->synced;
      for (const Change& change : node->unsynced) apply_part(bytes, change, survives);
      std::ofstream(folder / std::filesystem::path(path).filename(), std::ios::binary) << bytes;
    }
    forget();
  }
  /// An empty disk. Nothing may be open.
  void reset() {
    const std::scoped_lock lock(mutex_);
    forget();
  }

 private:
  struct Change {
    std::size_t offset = 0;
    std::string bytes{};
    bool truncates = false;
  };
  struct Node {
    std::string synced{};
    std::deque<Change> unsynced{};
    std::uint64_t synced_count = 0;  // Changes before those in `unsynced`.
    std::uint64_t failure_count = 0;
  };
  struct Name {
    std::shared_ptr<Node> synced{};  // What a cut may bring back: null for no file. Shared with open files, as below.
    std::shared_ptr<Node> current{};
  };
  struct File {
    sqlite3_file base;
    PowerCutDisk* disk;
    std::shared_ptr<Node>* node;  // Null for temporary files, which no cut leaves behind.
    std::string* path;
    std::uint64_t failures_seen;
    bool names_sync;  // The first sync syncs the folder too, as SQLite does for a journal that it made.
  };

  static PowerCutDisk*& instance() {
    static PowerCutDisk* disk = nullptr;
    return disk;
  }
  static PowerCutDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<PowerCutDisk*>(vfs->pAppData); }
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static sqlite3_file* real(sqlite3_file* file) { return PassingFile<File>::real(file); }

  static void write_at(std::string& bytes, std::size_t offset, std::string_view part) {
    if (bytes.size() < offset + part.size()) bytes.resize(offset + part.size(), '\0');
    bytes.replace(offset, part.size(), part);
  }
  static void apply(std::string& bytes, const Change& change) {
    if (change.truncates)
      bytes.resize(change.offset, '\0');
    else
      write_at(bytes, change.offset, change.bytes);
  }
  template <class Survives>
  static void apply_part(std::string& bytes, const Change& change, const Survives& survives) {
    if (change.truncates) {
      if (survives()) apply(bytes, change);
      return;
    }
    for (std::size_t done = 0; done < change.bytes.size();) {
      const std::size_t at = change.offset + done;
      const std::size_t count = std::min(sector_bytes - at % sector_bytes, change.bytes.size() - done);
      // A hole before it reads as zeros, as it does where a file grew and its data did not arrive.
      if (survives()) write_at(bytes, at, std::string_view(change.bytes).substr(done, count));
      done += count;
    }
  }

  void forget() {  // Under mutex_.
    names_.clear();
    is_off_ = false;
    cuts_ = false;
    failing_suffix_.clear();
  }
  /// Under mutex_: one change more; false where the power is off.
  bool changes() {
    if (cuts_ && !is_off_ && --changes_left_ == 0) is_off_ = true;
    if (!is_off_) ++change_count_;
    return !is_off_;
  }
  void sync_names() {
    for (auto& [path, name] : names_) name.synced = name.current;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_used) {
    PowerCutDisk& disk = disk_of(vfs);
    const std::scoped_lock lock(disk.mutex_);
    of(file).base.pMethods = nullptr;
    int was_there = 0;
    if (name != nullptr) disk.real_->xAccess(disk.real_, name, SQLITE_ACCESS_EXISTS, &was_there);
    if (disk.is_off_ && was_there == 0) return SQLITE_CANTOPEN;
    const int code = disk.real_->xOpen(disk.real_, name, real(file), flags, flags_used);
    if (code != SQLITE_OK) return code;
    constexpr int journals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    File& made = *new (file) File{{methods()}, &disk, nullptr, nullptr, 0, false};
    if (name == nullptr || (flags & (journals | SQLITE_OPEN_MAIN_DB)) == 0) return SQLITE_OK;
    Name& entry = disk.names_[name];
    if (!entry.current) {
      entry.current = std::make_shared<Node>();
      if (was_there != 0) {
        std::string& bytes = entry.current->synced;
        bytes.resize(std::filesystem::file_size(name));
        std::ifstream(name, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        entry.synced = entry.current;
      }
    }
    made.node = new std::shared_ptr<Node>(entry.current);
    made.path = new std::string(name);
    made.failures_seen = entry.current->failure_count;
    made.names_sync = was_there == 0 && (flags & journals) != 0;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int syncs_folder) {
    PowerCutDisk& disk = disk_of(vfs);
    const std::scoped_lock lock(disk.mutex_);
    if (!disk.changes()) return SQLITE_IOERR_DELETE;
    const int code = disk.real_->xDelete(disk.real_, name, 0);
    if (code != SQLITE_OK) return code;
    const auto found = disk.names_.find(name);
    if (found != disk.names_.end()) found->second.current.reset();
    if (syncs_folder != 0) disk.sync_names();
    return SQLITE_OK;
  }

  static int close(sqlite3_file* file) {
    const int code = real(file)->pMethods->xClose(real(file));
    delete of(file).node;
    delete of(file).path;
    return code;
  }
  static int write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
    return of(file).disk->change(file, SQLITE_IOERR_WRITE, [&] {
      const Change change{static_cast<std::size_t>(offset),
                          std::string(static_cast<const char*>(data), static_cast<std::size_t>(count)), false};
      if (of(file).node != nullptr) (*of(file).node)->unsynced.push_back(change);
      return real(file)->pMethods->xWrite(real(file), data, count, offset);
    });
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return of(file).disk->change(file, SQLITE_IOERR_TRUNCATE, [&] {
      if (of(file).node != nullptr) (*of(file).node)->unsynced.push_back({static_cast<std::size_t>(size), {}, true});
      return real(file)->pMethods->xTruncate(real(file), size);
    });
  }
  template <class Act>
  int change(sqlite3_file* file, int refusal, const Act& act) {
    const std::scoped_lock lock(mutex_);
    if (of(file).node != nullptr && !changes()) return refusal;
    return act();
  }

  static int sync(sqlite3_file* file, int) {
    if (of(file).node == nullptr) return SQLITE_OK;
    PowerCutDisk& disk = *of(file).disk;
    Node& node = **of(file).node;
    std::uint64_t end = 0;
    {
      const std::scoped_lock lock(disk.mutex_);
      if (!disk.changes()) return SQLITE_IOERR_FSYNC;
      end = node.synced_count + node.unsynced.size();
      if (disk.fails(*of(file).path)) {
        node.synced_count = end;
        node.unsynced.clear();
        ++node.failure_count;
      }
    }
    std::this_thread::yield();  // Time in which others write, and the power may go.
    const std::scoped_lock lock(disk.mutex_);
    if (disk.is_off_) return SQLITE_IOERR_FSYNC;
    if (of(file).failures_seen != node.failure_count) {
      of(file).failures_seen = node.failure_count;
      errno = EIO;
      return SQLITE_IOERR_FSYNC;
    }
    for (; node.synced_count < end; ++node.synced_count) {
      apply(node.synced, node.unsynced.front());
      node.unsynced.pop_front();
    }
    if (of(file).names_sync) disk.sync_names();
    of(file).names_sync = false;
    return SQLITE_OK;
  }
  /// Under mutex_.
  bool fails(const std::string& path) {
    if (failing_suffix_.empty() || !path.ends_with(failing_suffix_) || --syncs_left_ > 0) return false;
    failing_suffix_.clear();
    return true;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods all = [] {
      sqlite3_io_methods made = PassingFile<File>::methods();
      made.xClose = close;
      made.xWrite = write;
      made.xTruncate = truncate;
      made.xSync = sync;
      return made;
    }();
    return &all;
  }

  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;
  std::map<std::string, Name> names_;  // Guarded by mutex_, as all below.
  std::uint64_t changes_left_ = 0;
  std::uint64_t change_count_ = 0;
  bool cuts_ = false;
  bool is_off_ = false;
  std::string failing_suffix_;
  std::uint64_t syncs_left_ = 0;
};

}  // namespace fanfold::test
