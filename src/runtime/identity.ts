/**
 * The model `y = Identity(x)` for float32 of any shape (opset 17). It is the smallest model to try a provider with. It also
 * copies a tensor from a device whose data cannot be read directly.
 */
export const identityModel = (): Uint8Array => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

const base64 = "CAgSCHNhZS1vbm54OjIKEAoBeBIBeSIISWRlbnRpdHkSCGlkZW50aXR5WgkKAXgSBAoCCAFiCQoBeRIECgIIAUIECgAQEQ==";
