export declare const python: string;
export declare function lacking(...packages: string[]): string;
