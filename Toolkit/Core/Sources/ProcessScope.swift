/// Which process a task belongs to, where a simulation runs several in one.
///
/// Process-wide state is separate for each scope, so that simulated processes share no memory.
package enum ProcessScope {
    /// 0 outside a simulation; child tasks inherit it, detached tasks do not.
    @TaskLocal package static var current = 0
}
