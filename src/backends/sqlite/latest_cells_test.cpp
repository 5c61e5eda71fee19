#include "backends/sqlite/latest_cells.hpp"

#include "backends/sqlite/store_for_tests.hpp"

namespace fanfold::sqlite {
namespace {

constexpr std::uint64_t page_count = 100;

/// Instructions of SQLite's virtual machine that reading one page of latest states takes.
class CountedInstructions {
 public:
  explicit CountedInstructions(Connection& connection) : connection_(connection) {
    sqlite3_progress_handler(connection_.handle(), 1, &CountedInstructions::see, &count_);
  }
  CountedInstructions(const CountedInstructions&) = delete;
  CountedInstructions& operator=(const CountedInstructions&) = delete;
  ~CountedInstructions() { sqlite3_progress_handler(connection_.handle(), 0, nullptr, nullptr); }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  static int see(void* count) {
    ++*static_cast<std::uint64_t*>(count);
    return 0;
  }
  Connection& connection_;
  std::uint64_t count_ = 0;
};

/// Begins a round over these tasks of a cluster of `page_count` full pages; answers the cluster as it was read.
class LatestCellsTest : public StoreTest {
 protected:
  void start_round(std::uint64_t first, std::uint64_t step) {
    Backend backend = open();
    constexpr std::uint64_t count = page_count * page_slot_count;
    make_cluster(backend, "c", count);
    ClusterHeader header = backend.ledger->read_cluster("c", Consistency::strong).value();
    ++header.round;
    header.round_size.reset();
    header.marked = false;
    for (std::uint64_t index = first; index < count; index += step) indexes_.push_back(index);
    backend.ledger->start_round(header, indexes_).value();
  }
  /// Calls `look` with the cells of the cluster.
  template <class Look>
  void read(const Look& look) {
    const auto store = Store::open(options_, std::make_shared<SystemClock>()).value();
    const auto looked = store->read([&](Connection& connection) -> Result<void> {
      const auto row = read_cluster_row(connection, "c");
      if (!row) return Error{ErrorCode::not_found, "there is no cluster", {}};
      LatestCells latest(connection, *row);
      look(connection, latest);
      return {};
    });
    ASSERT_TRUE(looked.has_value());
  }

  std::vector<std::uint64_t> indexes_;
};

TEST_F(LatestCellsTest, OfTheLastPageOfALargeRoundAreFoundAsQuicklyAsOfTheFirst) {
  start_round(0, 1);
  read([](Connection& connection, LatestCells& latest) {
    const auto cost_of = [&](std::uint64_t page) {
      const CountedInstructions counted(connection);
      latest.at(page * page_slot_count);
      return counted.count();
    };
    cost_of(1);  // Statements are prepared.
    const std::uint64_t first = cost_of(2);
    const std::uint64_t last = cost_of(page_count - 1);
    EXPECT_GT(first, 0U);
    EXPECT_LE(last, first * 2) << "the first one took " << first;
  });
}

TEST_F(LatestCellsTest, AreThoseOfTheRoundWhereItHasTheTask) {
  start_round(3, 7);  // So that a page of the round spans several pages of tasks, and ends within one.
  read([this](Connection&, LatestCells& latest) {
    auto next = indexes_.begin();
    for (std::uint64_t index = 0; index < page_count * page_slot_count; ++index) {
      const LatestCell& cell = latest.at(index - slot_of(index)).at(slot_of(index));
      const bool is_again = next != indexes_.end() && *next == index;
      const auto position = is_again ? static_cast<std::uint64_t>(next - indexes_.begin()) : index;
      ASSERT_EQ(cell.round, is_again ? 1U : 0U) << index;
      ASSERT_EQ(cell.position, position) << index;
      if (is_again) ++next;
    }
    EXPECT_TRUE(next == indexes_.end());
  });
}

}  // namespace
}  // namespace fanfold::sqlite
