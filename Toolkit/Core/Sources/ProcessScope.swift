/// Which process a task belongs to, where a simulation runs several in one.
///
/// What a process keeps for all of its tasks is kept for each of them: no simulated process reaches into another's memory.
package enum ProcessScope {
    /// 0 in a process of the machine's own; a task takes it from the one that began it, a detached one has none.
    @TaskLocal package static var current = 0
}
