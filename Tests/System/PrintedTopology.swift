/// The parts of a topology that the tests use.
struct PrintedTopology: Decodable, Equatable {
    struct Process: Decodable, Equatable {
        let program: String
        let services: [String]
    }
    let processes: [Process]
    let singleProcess: String?
}
