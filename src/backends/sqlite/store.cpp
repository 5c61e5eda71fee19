#include "backends/sqlite/store.hpp"

#include "backends/sqlite/file_system.hpp"
#include "backends/sqlite/new_file.hpp"
#include "backends/sqlite/schema.hpp"
#include "support/queue_name.hpp"

#include <algorithm>

namespace fanfold::sqlite {

namespace {

/// Where another program closes the file at this moment, it may hold it for itself for an instant.
constexpr std::chrono::milliseconds open_patience{5'000};
constexpr const char* reader_settings =
    "PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;";
constexpr const char* writer_settings =
    "PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;";

/// The file that `path` leads to by symbolic links, also where it is not there yet.
std::filesystem::path behind_links(std::filesystem::path path) {
  constexpr int link_count_max = 40;  // As the kernel has it.
  std::error_code code;
  for (int count = 0; count < link_count_max && std::filesystem::is_symlink(path, code); ++count) {
    std::filesystem::path target = std::filesystem::read_symlink(path, code);
    if (code) break;
    path = target.is_absolute() ? std::move(target) : path.parent_path() / target;
  }
  return path;
}

Error no_store_yet(const std::filesystem::path& file) {
  return {ErrorCode::unsupported_version,
          file.string() +
              " is no store yet: whoever made it was cut off; the next process that opens it for writing "
              "makes one of it",
          {}};
}

}  // namespace

std::unique_ptr<Connection> ReaderPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !free_.empty() || open_count_ < reader_count_max; });
  if (!free_.empty()) {
    auto connection = std::move(free_.back());
    free_.pop_back();
    return connection;
  }
  ++open_count_;
  lock.unlock();
  try {
    auto connection = std::make_unique<Connection>(file_, access_);
    connection->run(reader_settings);
    return connection;
  } catch (...) {
    lock.lock();
    --open_count_;
    returned_.notify_one();
    throw;
  }
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  // Where there was no memory to end its read, it can begin no other.
  if (sqlite3_get_autocommit(connection->handle()) == 0) connection.reset();
  const std::scoped_lock lock(mutex_);
  if (connection)
    free_.push_back(std::move(connection));
  else
    --open_count_;
  returned_.notify_one();
}

void ReaderPool::close() {
  const std::scoped_lock lock(mutex_);
  open_count_ -= free_.size();
  free_.clear();
}

Store::Store(const Options& options, std::shared_ptr<Clock> machine)
    : options_(options),
      machine_(std::move(machine)),
      words_(std::make_shared<ClockWords>()),
      clock_(std::make_shared<FileClock>(machine_, words_)),
      readers_(options.file, options.read_only ? Access::read_only : Access::read_write) {}

Result<std::shared_ptr<Store>> Store::open(const Options& options, std::shared_ptr<Clock> machine) {
  Options placed_options = options;
  placed_options.file = behind_links(options.file);
  auto placed = check_place(placed_options.file, !options.read_only);
  if (!placed) return std::move(placed).error();
  std::error_code code;
  const std::filesystem::path absolute = std::filesystem::absolute(placed_options.file, code);
  // One file has one name here, or two processes would take two different locks for it.
  if (!code) placed_options.file = std::filesystem::weakly_canonical(absolute, code);
  if (code) return error_of_errno(code.value(), "looking at " + options.file.string());
  try {
    std::shared_ptr<Store> store(new Store(placed_options, std::move(machine)));
    auto opened = options.read_only ? store->open_for_reading() : store->open_for_writing();
    if (!opened) return std::move(opened).error();
    return store;
  } catch (const StorageFailure& failure) {
    return failure.error;
  }
}

Result<void> Store::open_for_reading() {
  Wake::read_clock_words(options_.file, *words_);
  auto checked = check_for_reading();
  std::error_code code;
  if (checked || has_log_left() || !std::filesystem::exists(options_.file, code)) return checked;
  switch (checked.error().code) {
    case ErrorCode::read_only:
    case ErrorCode::permission_denied:
    case ErrorCode::unavailable: break;
    case ErrorCode::damaged: {
      Connection plain(options_.file, Access::read_only);
      return is_unfinished(plain) ? no_store_yet(options_.file) : checked;
    }
    default: return checked;
  }
  // Where nothing can be made beside the file, nobody writes it either.
  readers_.close();
  readers_.set_access(Access::immutable);
  return check_for_reading();
}

Result<void> Store::check_for_reading() {
  return read([&](Connection& connection) -> Result<void> {
    const FileKind kind = look_at(connection);
    auto checked = check_kind(kind, options_.file.string());
    if (!checked) return checked;
    if (kind.is_up_to_date()) {
      remember_time(connection);
      return {};
    }
    if (kind.is_unfinished || kind.application != application_id) return no_store_yet(options_.file);
    return Error{ErrorCode::unsupported_version,
                 options_.file.string() +
                     " has an older schema: opening it for writing, as fanfold sweep does, brings it up "
                     "to date",
                 {}};
  });
}

void Store::open_writer() {
  writer_.reset();  // First, so that of a file that it closes nothing stays locked.
  writer_ = std::make_unique<Connection>(options_.file, Access::create);
  sqlite3_busy_timeout(writer_->handle(), static_cast<int>(open_patience.count()));
}

Result<void> Store::open_for_writing() {
  const bool has_log = has_log_left();
  make_by_umask(options_.file);
  open_writer();
  if (sqlite3_db_readonly(writer_->handle(), "main") == 1) {
    return Error{ErrorCode::read_only,
                 options_.file.string() + " cannot be written: its modes or its file system forbid it",
                 {}};
  }
  const FileKind kind = look_at(*writer_);
  auto checked = check_kind(kind, options_.file.string());
  if (!checked) return checked;

  auto turnstile = Turnstile::open(options_.file);
  if (!turnstile) return std::move(turnstile).error();
  turnstile_ = std::make_shared<Turnstile>(std::move(*turnstile));
  auto wake = Wake::open(options_.file);
  if (!wake) return std::move(wake).error();
  wake_ = std::move(*wake);
  clock_ = std::make_shared<FileClock>(machine_, std::shared_ptr<ClockWords>(wake_, &wake_->clock_words()));
  auto holder = Holder::open(options_.file);
  if (!holder) return std::move(holder).error();

  const bool is_prepared = kind.is_up_to_date() && kind.keeps_log;
  if (!is_prepared) {
    auto prepared = prepare_file();
    if (!prepared) return prepared;
  }
  writer_->run(writer_settings);
  // From now on nobody is waited for inside SQLite: whoever writes has our lock.
  sqlite3_busy_timeout(writer_->handle(), 0);
  holder_ = std::move(*holder);
  commits_ = std::make_unique<CommitQueue>(*writer_, turnstile_, *wake_, options_);
  if (!is_prepared) commits_->take_over_lock();
  // SQLite syncs the head of a log, so that no older page is taken for one of it. In a new log there is none.
  const bool has_new_log = !is_prepared && !has_log_left();
  if (has_new_log) writer_->run("PRAGMA synchronous = OFF");
  auto taken = take_holder_slot();
  if (has_new_log) writer_->run("PRAGMA synchronous = NORMAL");
  if (taken) taken = commits_->open_log();
  // Where the last sync of it failed, the kernel knows of nothing left to write: copied, it is written anew.
  if (taken && has_log && is_last_one()) return commits_->checkpoint_for_good();
  return taken;
}

void Store::remember_time(Connection& connection) {
  const auto kept = query_number(connection, "SELECT value FROM setting WHERE name = 'time'");
  if (kept) clock_->remember(to_time(*kept));
}

void Store::keep_time(Connection& connection) {
  execute(connection, "INSERT INTO setting VALUES ('time', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
          clock_->now());
}

bool Store::has_log_left() const {
  std::error_code code;
  const auto size = std::filesystem::file_size(options_.file.string() + "-wal", code);
  return !code && size > 0;
}

Result<void> Store::lock_for_opening() {
  constexpr std::chrono::milliseconds pause{2};
  const auto end = std::chrono::steady_clock::now() + options_.lock_wait_max;
  while (true) {
    auto locked = turnstile_->try_lock();
    if (!locked) return std::move(locked).error();
    if (*locked == Turnstile::Try::locked) return {};
    if (std::chrono::steady_clock::now() >= end)
      return Error{ErrorCode::unavailable, "other processes have kept the write lock for too long", {}};
    std::this_thread::sleep_for(pause);
  }
}

Result<void> Store::prepare_file() {
  // Whoever makes the file needs it for itself, so that nobody waits for the lock with a file open that is none yet.
  writer_.reset();
  auto locked = lock_for_opening();
  if (!locked) return locked;
  struct Unlock {
    Turnstile* turnstile;
    ~Unlock() {
      if (turnstile != nullptr) turnstile->unlock();
    }
  } unlock{turnstile_.get()};
  open_writer();
  const FileKind kind = look_at(*writer_);  // Again: another process may have been faster.
  auto checked = check_kind(kind, options_.file.string());
  if (!checked) return checked;
  if (kind.is_unfinished) {
    if (!kind.is_empty) {
      empty_file(*writer_);
      open_writer();
    }
    auto made = write_new_store(*writer_, open_patience);
    if (!made) return made;
  } else {
    writer_->run("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
    if (!look_at(*writer_).keeps_log)
      return Error{ErrorCode::unavailable, options_.file.string() + " is in use by another program", {}};
    migrate(*writer_, kind.application == application_id ? kind.version : 0);
  }
  unlock.turnstile = nullptr;
  return {};
}

Result<void> Store::take_holder_slot() {
  return write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
    Connection& connection = transaction.connection();
    remember_time(connection);
    keep_time(connection);
    const auto dead = dead_slots(connection, *holder_);
    if (!dead.empty()) static_cast<void>(release_slots(transaction, *holder_, dead, clock_->now()));
    std::vector<std::uint32_t> used;
    {
      Rows rows(connection, "SELECT slot FROM holder");
      while (rows.next()) used.push_back(static_cast<std::uint32_t>(rows.integer(0)));
    }
    execute(connection,
            "INSERT INTO setting VALUES ('holder_generation', 1) ON CONFLICT DO UPDATE SET value = value + 1");
    const auto generation =
        query_number(connection, "SELECT value FROM setting WHERE name = 'holder_generation'").value_or(0);
    auto taken = holder_->take_slot(used, static_cast<std::uint64_t>(generation) & generation_mask);
    if (!taken) return taken;
    execute(connection, "INSERT INTO holder (slot, generation, process, since) VALUES (?, ?, ?, ?)", holder_->slot(),
            holder_->generation(), process_number(), clock_->now());
    return {};
  });
}

bool Store::is_last_one() {
  Rows rows(*writer_, "SELECT slot FROM holder");
  while (rows.next()) {
    const auto slot = static_cast<std::uint32_t>(rows.integer(0));
    if (slot != holder_->slot() && holder_->is_alive(slot)) return false;
  }
  return true;
}

Store::~Store() {
  readers_.close();
  if (!commits_ || !holder_ || holder_->slot() == 0) return;
  const std::uint32_t own = holder_->slot();
  auto released = write(Sync::not_needed, [&](Transaction& transaction) -> Result<void> {
    static_cast<void>(release_slots(transaction, *holder_, std::span(&own, 1), clock_->now()));
    keep_time(transaction.connection());
    return {};
  });
  if (!released) return;
  try {
    if (is_last_one()) static_cast<void>(commits_->checkpoint_for_good());
  } catch (const StorageFailure&) {
    return;  // The WAL stays beside the file; whoever opens it next goes on from there.
  }
}

Result<void> Store::compact() {
  while (true) {
    auto left = write(Sync::not_needed, [](Transaction& transaction) -> Result<std::int64_t> {
      transaction.connection().run("PRAGMA incremental_vacuum(512)");
      return query_number(transaction.connection(), "PRAGMA freelist_count").value_or(0);
    });
    if (!left) return std::move(left).error();
    if (*left == 0) return {};
  }
}

Result<std::shared_ptr<const QueueInfo>> Store::ensure_queue(std::string_view name, const QueueAttributes* attributes) {
  {
    const std::shared_lock lock(queues_mutex_);
    const auto found = queues_.find(name);
    if (found != queues_.end()) return found->second;
  }
  auto info = std::make_shared<QueueInfo>();
  info->name = name;
  info->bucket = Wake::bucket_of(name);
  const auto look = [&](Connection& connection) -> Result<void> {
    Rows rows(connection,
              "SELECT number, fifo, visibility, retention, delay, content_based_deduplication, dead_letter_queue, "
              "receive_count_max "
              "FROM queue WHERE name = ?",
              name);
    if (!rows.next()) return {};
    info->number = rows.integer(0);
    info->attributes.fifo = rows.integer(1) != 0;
    info->attributes.visibility = std::chrono::seconds(rows.integer(2));
    info->attributes.retention = std::chrono::seconds(rows.integer(3));
    info->attributes.delay = std::chrono::seconds(rows.integer(4));
    info->attributes.content_based_deduplication = rows.integer(5) != 0;
    if (!rows.is_null(6))
      info->attributes.redrive = RedrivePolicy{rows.text(6), static_cast<std::uint32_t>(rows.integer(7))};
    return {};
  };
  auto looked = read(look);
  if (!looked) return std::move(looked).error();
  if (info->number == 0 && options_.read_only && attributes == nullptr) {
    // As its first use would make it: empty. It is made by somebody else, so that it is looked for again.
    info->attributes.fifo = support::is_fifo(name);
    return std::shared_ptr<const QueueInfo>(std::move(info));
  }
  if (info->number == 0) {
    QueueAttributes made;
    if (attributes != nullptr)
      made = *attributes;
    else
      made.fifo = support::is_fifo(name);
    // Only who asks for a queue relies on it; one made at its first use is made again.
    const Sync sync = attributes != nullptr ? Sync::needed : Sync::not_needed;
    auto created = write(sync, [&](Transaction& transaction) -> Result<void> {
      std::optional<std::string> dead_letter_queue;
      std::optional<std::uint32_t> receive_count_max;
      if (made.redrive) {
        dead_letter_queue = made.redrive->dead_letter_queue;
        receive_count_max = made.redrive->receive_count_max;
      }
      execute(transaction.connection(),
              "INSERT INTO queue (name, fifo, visibility, retention, delay, content_based_deduplication, "
              "dead_letter_queue, receive_count_max) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
              name, made.fifo, made.visibility.count(), made.retention.count(), made.delay.count(),
              made.content_based_deduplication, dead_letter_queue, receive_count_max);
      return look(transaction.connection());
    });
    if (!created) return std::move(created).error();
  }
  const std::unique_lock lock(queues_mutex_);
  return queues_.try_emplace(info->name, std::move(info)).first->second;
}

}  // namespace fanfold::sqlite
