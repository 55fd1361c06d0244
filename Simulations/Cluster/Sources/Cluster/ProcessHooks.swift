package import MartletContract
package import MartletHost

/// What a simulation changes in each process of its cluster; by default nothing.
///
/// All are called once in each process run, after the process has its machine and before it serves.
package struct ProcessHooks: Sendable {
    /// Wraps what the service uses: its database, and its channels to other services.
    package var dependencies: @Sendable (Deployment.Dependencies, ProcessRun) -> Deployment.Dependencies = { own, _ in
        own
    }
    /// Wraps the channel over which others call the service.
    package var served: @Sendable (any RPCChannel, ProcessRun) -> any RPCChannel = { channel, _ in channel }
    /// Chooses the loops that run.
    package var loops: @Sendable (ServiceRuntime, Deployment.Dependencies) -> [ServiceRuntime.Loop] = { runtime, _ in
        runtime.loops
    }

    package init() {}
}
