package import MartletContract
package import MartletHost
package import MartletMessaging

/// What a simulation changes in each process of its cluster; by default nothing.
///
/// All but the last are called once in each process run, after the process has its machine and before it serves.
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

    /// Whether the handler of an event in a group ends its process.
    ///
    /// Called before each run of a handler.
    package var endsProcess: @Sendable (_ event: Envelope, _ group: String) -> Bool = { _, _ in false }

    package init() {}
}
