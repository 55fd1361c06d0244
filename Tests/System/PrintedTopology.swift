/// The parts of a topology that the tests use.
struct PrintedTopology: Decodable, Equatable {
    struct Process: Decodable, Equatable {
        let program: String
        let services: [String]
    }
    struct Method: Decodable, Equatable {
        let service: String
        let name: String
        let users: String
        let callers: [String]
    }
    let processes: [Process]
    let singleProcess: String?
    let methods: [Method]
}
