#pragma once

/// All of fanfold's public interface but the JSON codec (json.hpp) and the test kit (testing/).

#include <fanfold/backends/sqlite.hpp>
#include <fanfold/client.hpp>
#include <fanfold/open.hpp>
#include <fanfold/version.hpp>
#include <fanfold/worker.hpp>
