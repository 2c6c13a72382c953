// What both bots have around their trading: alerts from a webhook's thread, and workers for them.
#pragma once

#include <condition_variable>
#include <functional>
#include <iostream>
#include <mutex>
#include <queue>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

// "BTCUSDT 0.25 alert-1", as it came from the charting site.
struct Alert {
  std::string symbol;
  double size;
  std::string id;
};

// Standard input stands for the webhook. Returns when it is closed and every alert was worked on.
inline void serve(int workers, const std::function<void(const Alert&)>& trade) {
  std::queue<Alert> waiting;
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
  std::thread webhook{[&] {
    for (std::string line; std::getline(std::cin, line);) {
      Alert alert;
      std::istringstream{line} >> alert.symbol >> alert.size >> alert.id;
      const std::lock_guard lock{mutex};
      waiting.push(alert);
      changed.notify_one();
    }
    const std::lock_guard lock{mutex};
    closed = true;
    changed.notify_all();
  }};
  std::vector<std::thread> all;
  for (int i = 0; i < workers; ++i)
    all.emplace_back([&] {
      for (;;) {
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return closed || !waiting.empty(); });
        if (waiting.empty()) return;
        const Alert alert = waiting.front();
        waiting.pop();
        lock.unlock();
        trade(alert);
      }
    });
  webhook.join();
  for (std::thread& worker : all) worker.join();
}
