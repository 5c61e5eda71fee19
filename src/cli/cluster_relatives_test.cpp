#include "cli/cluster_relatives.hpp"
#include "engine/world_for_tests.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fanfold::cli {
namespace {

using namespace std::chrono_literals;

/// A tree: the task of depth N waits for a cluster of two of depth N - 1.
Outcome branch(const Message<int>& task, const Context& context) {
  if (task.body == 0) return done();
  return context.create_child_cluster("work", std::vector<int>(2, task.body - 1));
}

struct Tree {
  engine::World world;
  Cluster root = create(2);
  Cluster other = create(1);

  Tree() {
    const Handlers handlers{.on_message = branch};
    while (world.counts().visible_count > 0) world.process(handlers);
  }
  Cluster create(int depth) const {
    return world.client->create_message_cluster("work", std::vector<int>{depth}).value();
  }
  [[nodiscard]] ClusterHeader header(const MessageKey& key) const { return world.client->cluster_header(key).value(); }
};

TEST(ClusterRelatives, AreChildrenAtAnyDepthAndNobodyElses) {
  const Tree tree;
  const ClusterRelatives relatives = find_relatives(*tree.world.client, tree.header(tree.root)).value();
  EXPECT_EQ(relatives.children.size(), 1U + 2U);
  EXPECT_TRUE(relatives.parents.empty());
  EXPECT_FALSE(relatives.is_cut);
  EXPECT_EQ(find_relatives(*tree.world.client, tree.header(tree.other)).value().children.size(), 1U);
}

TEST(ClusterRelatives, AreParentsUpToTheRoot) {
  const Tree tree;
  const auto children = find_relatives(*tree.world.client, tree.header(tree.root)).value().children;
  const auto is_grandchild = [&](const ClusterHeader& header) {
    return MessageKey::of_message(header.parent->cluster_id) != tree.root.key;
  };
  const auto grandchild = std::ranges::find_if(children, is_grandchild);
  ASSERT_NE(grandchild, children.end());
  const ClusterRelatives relatives = find_relatives(*tree.world.client, *grandchild).value();
  ASSERT_EQ(relatives.parents.size(), 2U);
  EXPECT_EQ(relatives.parents[0].id, grandchild->parent->cluster_id);
  EXPECT_EQ(MessageKey::of_message(relatives.parents[1].id), tree.root.key);
}

}  // namespace
}  // namespace fanfold::cli
