/// Another replica runs the job: nothing of the transaction was committed.
public struct JobLeaseLost: Error, Equatable {
    /// The name of the job.
    public let job: String
}
