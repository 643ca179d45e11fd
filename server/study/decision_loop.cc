#include "server/study/decision_loop.h"

#include <pthread.h>

namespace cambrian {

DecisionLoop::DecisionLoop(Coordinator& coordinator)
    : coordinator_(coordinator), thread_([this] { Run(); }) {}

DecisionLoop::~DecisionLoop() { Stop(); }

void DecisionLoop::Stop() {
  stopping_ = true;
  coordinator_.Wake();
  if (thread_.joinable()) thread_.join();
}

void DecisionLoop::Run() {
  pthread_setname_np(pthread_self(), "decisions");
  coordinator_.StartCommitter();
  while (!stopping_) {
    coordinator_.WaitForWork(coordinator_.RunOnce());
  }
  coordinator_.RunOnce();
  coordinator_.Retire();
}

}  // namespace cambrian
